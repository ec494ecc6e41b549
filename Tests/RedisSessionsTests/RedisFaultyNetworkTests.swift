import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// A real server behind a network that cuts, delays, stalls and damages.
@Suite(.serialized) struct RedisFaultyNetworkTests {
    private static let count = UInt8(40)

    private func fill(_ store: RedisSessionStore) async throws {
        for number in 0..<Self.count {
            try await expect(.inserted, from: bigRecords(number), in: store)
        }
    }

    /// Session `number` and its answer, both 300 bytes that only this number has.
    private func bigRecords(_ number: UInt8, session: UInt8 = 100) -> ExchangeRecords {
        var generator = SeededGenerator(seed: UInt64(number))
        let bytes = { (0..<300).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        return ExchangeRecords(
            session: StoredSession(
                key: key(session &+ number), record: SealedRecord(bytes: bytes()), expiresAt: clock.now + .seconds(100)),
            answerKey: key(number), answer: SealedRecord(bytes: bytes()), answerExpiresAt: clock.now + .seconds(100))
    }

    private func session(_ number: UInt8, in store: RedisSessionStore) async throws -> SealedRecord? {
        try await store.session(key(100 + number), within: ample)
    }

    /// A caller with time never notices: what was under way is sent again.
    @Test func sendsAgainWhatAReplyCutShortHasLost() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let log = RecordedLog()
        try await withStore(configuration(port: proxy.port), threads: 1, logger: log.logger) { store in
            try await fill(store)
            let cuts = [0, 1, 3, 7, 150, 305, 306, 307, 1000, 5000]
            for (count, cut) in cuts.enumerated() {
                proxy.cut(afterBytes: cut)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<Self.count {
                        group.addTask {
                            let record = try await session(number, in: store)
                            #expect(record == bigRecords(number).session.record)
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(log.lines.filter { $0 == "notice: Redis connection restored" }.count == count + 1)
            }
        }
        try await proxy.close()
    }

    /// The server has executed it; the reply to the second sending is what the first has stored.
    @Test func storesOnceWhatItSendsTwice() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        try await withStore(configuration(port: proxy.port), threads: 1) { store in
            try await store.check(within: ample)
            proxy.cut(afterBytes: 0)
            let exchange = records(session: 1, answer: 2)
            try await expect(.answered(exchange.answer, session: exchange.session.record), from: exchange, in: store)
            proxy.cut(afterBytes: 0)
            try await store.insertIfAbsent(records(session: 3, answer: 4).session, within: ample)
            proxy.cut(afterBytes: 0)
            try await store.revoke(key(5), until: clock.now + .seconds(60), within: ample)
        }
        #expect(
            try server.connect().keys().filter { !$0.contains("probe") }
                == [
                    redisKey("answer", 2), redisKey("session", 1), redisKey("session", 3), redisKey("session", 5),
                ].sorted())
        try await proxy.close()
    }

    /// Its reply ends each connection that it comes on.
    @Test func sendsNothingAgainWhoseReplyCannotBeRead() async throws {
        let server = try await RedisServer.start()
        try server.command("SETRANGE", redisKey("session", 99), "20000000", "x")
        try await withStore(configuration(server), threads: 1) { store in
            try await fill(store)
            async let strange = cause { _ = try await store.session(key(99), within: ample) }
            for number in 0..<Self.count {
                #expect(try await session(number, in: store) == bigRecords(number).session.record)
            }
            #expect(try await strange == .unexpectedReply)
            #expect(try clients(of: server).count == 1)
        }
    }

    @Test func givesALateReplyToNobodyElse() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        try await withStore(configuration(port: proxy.port), threads: 1) { store in
            try await fill(store)
            let connections = try clients(of: server).map { $0.prefix { $0 != " " } }
            proxy.delay(.seconds(1))
            try await expect(.timedOut) { _ = try await store.session(key(100), within: .milliseconds(100)) }
            proxy.restore()
            // The late reply of the first command comes before these.
            for number in 1..<Self.count {
                #expect(try await session(number, in: store) == bigRecords(number).session.record)
            }
            #expect(try clients(of: server).map { $0.prefix { $0 != " " } } == connections, "the connection is kept")
        }
        try await proxy.close()
    }

    @Test func healsWithANetworkThatStalls() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let log = RecordedLog()
        let configuration = configuration(port: proxy.port, commandTimeout: .milliseconds(100))
        try await withStore(configuration, threads: 1, logger: log.logger) { store in
            try await fill(store)
            proxy.stall()
            try await expect(.timedOut) { _ = try await store.session(key(100), within: .milliseconds(100)) }
            async let patient = session(0, in: store)
            try await eventually("another connection gets no further") {
                log.lines.contains("warning: Redis not connected cause=handshake timed out")
            }
            proxy.restore()
            #expect(try await patient == bigRecords(0).session.record)
            try await eventually("all is well") { log.lines.last == "notice: Redis connection restored" }
            try await eventually("no connection is left over") { try clients(of: server).count == 1 }
        }
        try await proxy.close()
    }

    /// Plain damage inside a record cannot be seen here; the seal finds it.
    @Test(arguments: [1, 2, 3, 4])
    func damagedRepliesAreNeverAnotherCallersAnswer(seed: UInt64) async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let configuration = configuration(port: proxy.port, commandTimeout: .milliseconds(300))
        let everything = (0..<Self.count).map { bigRecords($0) }
        let records = Set(everything.map(\.session.record.bytes) + everything.map(\.answer.bytes))
        try await withStore(configuration, threads: 1) { store in
            try await fill(store)
            proxy.corrupt(oneByteIn: 2000, seed: seed)
            let tally = await withTaskGroup(of: Tally.self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        var tally = Tally()
                        var generator = SeededGenerator(seed: seed << 8 | UInt64(caller))
                        while !tally.tellsEnough {
                            let number = UInt8.random(in: 0..<Self.count, using: &generator)
                            let own = everything[Int(number)]
                            do {
                                if Bool.random(using: &generator) {
                                    tally.note(
                                        try await session(number, in: store), own: own.session.record, of: records)
                                } else {
                                    let answered = try await store.insertIfAbsent(
                                        bigRecords(number, session: 200), replacing: nil, within: ample)
                                    guard case .answered(let answer, let session) = answered else {
                                        tally.wrong += 1
                                        continue
                                    }
                                    tally.note(answer, own: own.answer, of: records)
                                    tally.note(session, own: own.session.record, of: records)
                                }
                            } catch { tally.failed += 1 }
                        }
                        return tally
                    }
                }
                return await group.reduce(into: Tally()) { $0.add($1) }
            }
            #expect(tally.wrong == 0)
            proxy.restore()
            proxy.disconnect()
            try await eventually("the store is back", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
            for number in 0..<Self.count {
                #expect(try await session(number, in: store) == everything[Int(number)].session.record)
            }
        }
        try await proxy.close()
    }

    private struct Tally: Sendable {
        var right = 0
        var damaged = 0
        var failed = 0
        /// Another's record, or none where there is one.
        var wrong = 0

        /// Some went well and some did not, in whatever order the network chose; one wrong answer is too many.
        var tellsEnough: Bool { wrong > 0 || right >= 25 && damaged + failed >= 5 && right + damaged + failed >= 150 }

        mutating func note(_ record: SealedRecord?, own: SealedRecord, of all: Set<[UInt8]>) {
            if record == own {
                right += 1
            } else if let record, !all.contains(record.bytes) {
                damaged += 1
            } else {
                wrong += 1
            }
        }

        mutating func add(_ other: Tally) {
            right += other.right
            damaged += other.damaged
            failed += other.failed
            wrong += other.wrong
        }
    }
}
