import NIOCore
import NIOEmbedded
import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// The real channel handler before a server that answers every command with what only this command has: replies arrive
/// late, in pieces of any size, and where it is told so cut short, damaged, or with something between them.
@Suite struct RedisChannelFuzzTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6])
    func everyCallerGetsItsOwnReplyHoweverTheStreamIsSplit(seed: UInt64) async throws {
        let result = try await FuzzedChannel.run(seed: seed, faults: [.truncation])
        #expect(result.problems == [])
        #expect(result.own > 1000)
        #expect(result.garbled == 0)
        #expect(result.timedOut > 100)
        #expect(result.faults[ConnectionFault.closedByServer.detail, default: 0] > 5)
    }

    @Test(arguments: [11, 12, 13, 14, 15, 16, 17, 18])
    func noDamagedReplyIsEverAnotherCallersReply(seed: UInt64) async throws {
        let result = try await FuzzedChannel.run(seed: seed, faults: [.truncation, .damage, .injection])
        #expect(result.problems == [])
        #expect(result.own > 500)
        #expect(result.garbled > 0)
        for fault in [ConnectionFault.protocolViolated, .unexpectedReply, .unsolicitedReply] {
            #expect(result.faults[fault.detail, default: 0] > 0, "\(fault.detail)")
        }
        #expect(result.unexpected > 0)
    }
}

/// The server, the network and the clock, all in the hands of one generator.
private final class FuzzedChannel {
    private static let singles = 2400
    private static let pairs = 200

    static func run(seed: UInt64, faults: FuzzFaults) async throws -> FuzzResult {
        var generator = SeededGenerator(seed: seed)
        let answers = FuzzAnswers(count: singles + 2 * pairs, using: &generator)
        let (singleCallers, addSingle) = AsyncStream.makeStream(of: UnsafeContinuation<RedisOutcome, Never>.self)
        let (pairCallers, addPair) = AsyncStream.makeStream(of: CheckedContinuation<OutcomePair.Outcomes, Never>.self)
        // One after the other, so that callers and outcomes are in the same order.
        var outcomes: [Task<RedisOutcome, Never>] = []
        var outcomesOfPairs: [Task<OutcomePair.Outcomes, Never>] = []
        var callers: [UnsafeContinuation<RedisOutcome, Never>] = []
        var callersOfPairs: [CheckedContinuation<OutcomePair.Outcomes, Never>] = []
        var nextSingle = singleCallers.makeAsyncIterator()
        var nextPair = pairCallers.makeAsyncIterator()
        for _ in 0..<singles {
            outcomes.append(Task { await withUnsafeContinuation { _ = addSingle.yield($0) } })
            if let caller = await nextSingle.next() { callers.append(caller) }
        }
        for _ in 0..<pairs {
            outcomesOfPairs.append(Task { await withCheckedContinuation { _ = addPair.yield($0) } })
            if let caller = await nextPair.next() { callersOfPairs.append(caller) }
        }
        var result = try play(generator, answers, faults, callers, callersOfPairs)
        for (number, outcome) in outcomes.enumerated() { result.count(await outcome.value, of: number, answers) }
        for (index, outcome) in outcomesOfPairs.enumerated() {
            let (first, second) = await outcome.value
            result.count(first, of: singles + 2 * index, answers)
            result.count(second, of: singles + 2 * index + 1, answers)
        }
        return result
    }

    private static func play(
        _ generator: SeededGenerator, _ answers: FuzzAnswers, _ faults: FuzzFaults,
        _ callers: [UnsafeContinuation<RedisOutcome, Never>],
        _ callersOfPairs: [CheckedContinuation<OutcomePair.Outcomes, Never>]
    ) throws -> FuzzResult {
        let world = try FuzzedChannel(generator, answers, faults)
        var singles = callers.enumerated().makeIterator()
        var pairs = callersOfPairs.enumerated().makeIterator()
        var isDone = false
        while !isDone {
            if world.chance(of: 500) {
                if world.chance(of: 80), let (index, caller) = pairs.next() {
                    world.submit(OutcomePair(caller), number: callers.count + 2 * index)
                } else if let (number, caller) = singles.next() {
                    world.submit(PendingReply(caller, end: world.randomEnd()), number: number)
                } else {
                    isDone = true
                }
            }
            try world.step()
        }
        while let (index, caller) = pairs.next() {
            world.submit(OutcomePair(caller), number: callers.count + 2 * index)
        }
        try world.end()
        return world.result
    }

    private var generator: SeededGenerator
    private let answers: FuzzAnswers
    private let faults: FuzzFaults
    private let loop = EmbeddedEventLoop()
    private let peer: RedisPeer = {
        let address = RedisAddress(host: "127.0.0.1", port: 6379)
        var configuration = RedisConfiguration(.standalone(address))
        configuration.commandTimeout = .milliseconds(200)
        configuration.maximumInFlight = 64
        return RedisPeer(dataNode: address, configuration)
    }()
    private let owner = Owner()
    private var handler: RedisChannelHandler
    private var channel: EmbeddedChannel
    /// Commands written by the client, and the replies under way to it.
    private var commands = RESPCommands()
    private var wire = ByteBuffer()
    private(set) var result = FuzzResult()

    private final class Owner: RedisChannelOwner {
        var isOpen = false
        var fault: ConnectionFault?

        func channelOpened(_ handler: RedisChannelHandler) { isOpen = true }

        func channelFellSilent(_ handler: RedisChannelHandler) {}

        func channelSpokeAgain(_ handler: RedisChannelHandler) {}

        func channelFailed(_ handler: RedisChannelHandler, _ fault: ConnectionFault) {
            isOpen = false
            self.fault = fault
        }
    }

    private init(_ generator: SeededGenerator, _ answers: FuzzAnswers, _ faults: FuzzFaults) throws {
        self.generator = generator
        self.answers = answers
        self.faults = faults
        (handler, channel) = try Self.open(peer, owner, loop)
    }

    private static func open(
        _ peer: RedisPeer, _ owner: Owner, _ loop: EmbeddedEventLoop
    ) throws -> (RedisChannelHandler, EmbeddedChannel) {
        let handler = RedisChannelHandler(
            RedisHandshake(peer, password: nil), peer: peer, openingEnd: loop.now + .seconds(1), owner: owner, on: loop)
        let channel = EmbeddedChannel(handler: handler, loop: loop)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 6379), promise: nil)
        return (handler, channel)
    }

    /// Of a thousand.
    func chance(of share: Int) -> Bool { Int.random(in: 0..<1000, using: &generator) < share }

    func randomEnd() -> NIODeadline { loop.now + .milliseconds(.random(in: 1...300, using: &generator)) }

    func submit(_ caller: PendingReply, number: Int) {
        handler.submit(command(number), for: caller, isAsking: chance(of: 100))
    }

    func submit(_ pair: OutcomePair, number: Int) {
        let end = randomEnd()
        handler.submit(command(number), for: PendingReply(firstOf: pair, end: end), isAsking: chance(of: 100))
        handler.submit(command(number + 1), for: PendingReply(secondOf: pair, end: end))
    }

    private func command(_ number: Int) -> RedisCommand {
        RedisCommand(
            opening: .words(RESPArguments("GET")), arguments: RESPArguments(String(number)),
            reply: answers[number].shape)
    }

    func step() throws {
        loop.run()
        while let written = try channel.readOutbound(as: ByteBuffer.self) { commands.feed(written) }
        switch Int.random(in: 0..<1000, using: &generator) {
        case 0..<500: answer(upTo: 4)
        case 500..<880: try deliver(upTo: 300)
        case 880..<980: loop.advanceTime(by: .milliseconds(.random(in: 0...30, using: &generator)))
        case 980..<985: loop.advanceTime(by: .milliseconds(.random(in: 100...250, using: &generator)))
        case 985..<990 where faults.contains(.truncation):
            try deliver(upTo: wire.readableBytes)
            channel.close(promise: nil)
        case 990... where faults.contains(.injection) && owner.isOpen: try answerWhatNobodyAsked()
        default: break
        }
        if let fault = owner.fault { try reopen(after: fault) }
    }

    func end() throws {
        handler.close(.shutDown)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    private func reopen(after fault: ConnectionFault) throws {
        result.faults[fault.detail, default: 0] += 1
        owner.fault = nil
        _ = try channel.finish(acceptAlreadyClosed: true)
        commands.clear()
        wire.clear()
        (handler, channel) = try Self.open(peer, owner, loop)
        loop.run()
        while let written = try channel.readOutbound(as: ByteBuffer.self) { commands.feed(written) }
        answer(upTo: 3)
        while !owner.isOpen { try deliver(upTo: 20) }
    }

    /// Once everything is answered, one reply more.
    private func answerWhatNobodyAsked() throws {
        answer(upTo: .max)
        if let rest = wire.readSlice(length: wire.readableBytes) { try channel.writeInbound(rest) }
        guard handler.load == 0 else { return }
        try channel.writeInbound(ByteBuffer(string: "+OK\r\n"))
    }

    private func deliver(upTo limit: Int) throws {
        guard wire.readableBytes > 0 else { return }
        let count = Int.random(in: 0...min(limit, wire.readableBytes), using: &generator)
        if let piece = wire.readSlice(length: count) { try channel.writeInbound(piece) }
    }

    private func answer(upTo limit: Int) {
        var count = 0
        while count < limit, let words = commands.next() {
            count += 1
            switch words[0] {
            case "CLIENT", "ASKING": wire.writeString("+OK\r\n")
            case "ROLE": wire.writeString("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
            case "SCRIPT": wire.writeString("$40\r\n\(String(repeating: "a", count: 40))\r\n")
            default: wire.writeBytes(mistreated(answers[Int(words[1]) ?? 0].wire))
            }
        }
    }

    private func mistreated(_ reply: [UInt8]) -> [UInt8] {
        var reply = reply
        if faults.contains(.damage), chance(of: 30) { damage(&reply) }
        if faults.contains(.injection), chance(of: 8) {
            let injected = ["*1\r\n:1\r\n", "\r\n", "HTTP/1.1 200 OK\r\n"].randomElement(using: &generator) ?? ""
            reply = Array(injected.utf8) + reply
        }
        return reply
    }

    /// Often where it hurts: types, lengths and line ends, and by what passes for such.
    private func damage(_ reply: inout [UInt8]) {
        let edges = Array(reply.indices.prefix(3)) + reply.indices.suffix(2)
        let index = (chance(of: 500) ? edges : Array(reply.indices)).randomElement(using: &generator) ?? 0
        let other = chance(of: 500) ? Array("+-:$*0123456789\r\n".utf8) : Array(0...255)
        reply[index] = other.filter { $0 != reply[index] }.randomElement(using: &generator) ?? 0
    }
}
