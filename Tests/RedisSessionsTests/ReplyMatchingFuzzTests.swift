import NIOCore
import RedisSessions
import TestSupport
import Testing

/// A server that answers every command in order, sometimes late, sometimes too late; callers with budgets of all lengths.
@Suite struct ReplyMatchingFuzzTests {
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
    func noReplyEverReachesAnotherCommandsCaller(seed: UInt64) {
        var world = World(seed: seed)
        for _ in 0..<20_000 { world.step() }
        world.finish()
        #expect(world.answered > 1000)
        #expect(world.timedOut > 200)
        #expect(world.closed > 10)
        #expect(world.silences > 0)
        #expect(world.problems == [])
    }

    private struct World {
        private var generator: SeededGenerator
        private var machine = World.open(at: .uptimeNanoseconds(0))
        private var now = NIODeadline.uptimeNanoseconds(0)
        private var deadlines: [Int: NIODeadline] = [:]
        /// Commands that the server has before it, oldest first.
        private var server: [Int] = []
        private var nextCaller = 0
        var answered = 0
        var timedOut = 0
        var closed = 0
        /// That ended.
        var silences = 0
        var problems: [String] = []

        init(seed: UInt64) {
            generator = SeededGenerator(seed: seed)
        }

        mutating func step() {
            switch Int.random(in: 0..<1000, using: &generator) {
            case 0..<500: submit()
            case 500..<900: answer()
            case 900..<998: pass()
            case 998: if server.isEmpty { receive(.integer(-1)) }
            default: close(machine.close(.closedByServer))
            }
        }

        mutating func finish() {
            close(machine.close(.shutDown))
            if !deadlines.isEmpty { problems.append("callers never told: \(deadlines.count)") }
        }

        private mutating func submit() {
            let caller = nextCaller
            nextCaller += 1
            let budget = TimeAmount.milliseconds(.random(in: 1...300, using: &generator))
            switch machine.submit(caller, reply: .integer, end: now + budget, now: now) {
            case .write:
                deadlines[caller] = now + budget
                server.append(caller)
            case .overloaded: if server.count < 64 { problems.append("overloaded by \(server.count)") }
            case .notReady: problems.append("not ready")
            }
        }

        private mutating func answer() {
            guard !server.isEmpty else { return }
            receive(.integer(Int64(server.removeFirst())))
        }

        private mutating func receive(_ reply: RESPReply) {
            if machine.heard(now: now) { silences += 1 }
            if machine.isSilent { problems.append("silent though a reply has come") }
            switch machine.received(reply) {
            case .none: break
            case .opening: problems.append("opened twice")
            case .deliver(let caller, let reply):
                if reply != .integer(Int64(caller)) { problems.append("\(caller) got \(reply)") }
                if deadlines.removeValue(forKey: caller) == nil { problems.append("\(caller) told twice") }
                answered += 1
            case .misfit: problems.append("misfit")
            case .close(let closing): close(closing)
            }
        }

        private mutating func pass() {
            now = now + .milliseconds(.random(in: 0...40, using: &generator))
            let expiry = machine.expire(now: now)
            for caller in expiry.expired {
                timedOut += 1
                guard let deadline = deadlines.removeValue(forKey: caller) else {
                    problems.append("\(caller) told twice")
                    continue
                }
                if deadline > now { problems.append("\(caller) timed out early") }
            }
            if expiry.closing?.fault == nil {
                if deadlines.values.contains(where: { $0 <= now }) { problems.append("a caller waits too long") }
                if let earliest = deadlines.values.min(), (expiry.next ?? .distantFuture) > earliest {
                    problems.append("wakes too late")
                }
            }
            close(expiry.closing)
        }

        private mutating func close(_ closing: RedisConnectionStateMachine<Int>.Closing?) {
            guard let closing else { return }
            closed += 1
            for caller in closing.callers where deadlines.removeValue(forKey: caller) == nil {
                problems.append("\(caller) told twice")
            }
            if !deadlines.isEmpty { problems.append("callers forgotten at the close") }
            server = []
            machine = Self.open(at: now)
        }

        private static func open(at now: NIODeadline) -> RedisConnectionStateMachine<Int> {
            var machine = RedisConnectionStateMachine<Int>(
                openingCommands: 1, until: now, silenceLimit: .milliseconds(100), maximumInFlight: 64)
            _ = machine.received(.bulk([]))
            return machine
        }
    }
}
