import NIOCore
import RedisSessions
import Testing

@Suite struct RedisConnectionStateMachineTests {
    private typealias Machine = RedisConnectionStateMachine<Int>

    private static let anything: RedisCommand.ReplyShape = [.status, .integer, .bulk, .null, .array]

    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test func opensWithTheReplyToTheLastOpeningCommand() {
        var machine = opening(2)
        #expect(submit(1, to: &machine) == "not ready: connecting")
        #expect(name(machine.received(.status("OK"))) == "opening 0")
        #expect(submit(1, to: &machine) == "not ready: connecting")
        #expect(name(machine.received(.bulk([1]))) == "opening 1, the last")
        #expect(submit(1, to: &machine) == "write")
    }

    @Test func dropsTheReplyThatNobodyWants() {
        var machine = ready()
        if case .write = machine.submit(nil, reply: .status, end: start + .seconds(1), now: start) {
        } else {
            Issue.record("refused")
        }
        #expect(submit(1, to: &machine) == "write")
        #expect(name(machine.received(.status("OK"))) == "none")
        #expect(name(machine.received(.integer(1))) == "deliver 1: integer(1)")
    }

    @Test func closesWhereTheHandshakeTakesTooLong() {
        var machine = opening(1)
        #expect(machine.expire(now: start).next == start + .seconds(1))
        #expect(machine.expire(now: start + .seconds(1)).closing?.fault == .handshakeTimedOut)
    }

    @Test func givesRepliesToCallersInOrder() {
        var machine = ready()
        for caller in 1...3 { #expect(submit(caller, to: &machine) == "write") }
        for caller in 1...3 {
            #expect(name(machine.received(.integer(Int64(caller)))) == "deliver \(caller): integer(\(caller))")
        }
        #expect(machine.expire(now: start).next == nil)
    }

    @Test func handsErrorsToTheirCallerAndStaysOpen() {
        var machine = ready()
        _ = submit(1, to: &machine)
        #expect(name(machine.received(.error(code: "OOM"))) == "deliver 1: error(code: \"OOM\")")
        #expect(submit(2, to: &machine) == "write")
    }

    @Test func refusesCommandsBeyondTheBound() {
        var machine = ready(maximumInFlight: 2)
        #expect(submit(1, to: &machine) == "write")
        #expect(submit(2, to: &machine) == "write")
        #expect(submit(3, to: &machine) == "overloaded")
        _ = machine.received(.null)
        #expect(submit(3, to: &machine) == "write")
    }

    @Test func endsEachCommandAtItsCallersOwnEnd() {
        var machine = ready()
        _ = submit(1, to: &machine, budget: .milliseconds(250))
        _ = submit(2, to: &machine, budget: .milliseconds(10))
        #expect(machine.expire(now: start).next == start + .milliseconds(10))
        let first = machine.expire(now: start + .milliseconds(10))
        #expect(first.expired == [2])
        #expect(first.next == start + .milliseconds(100), "when it would count as silent")
        #expect(machine.expire(now: start + .milliseconds(100)).next == start + .milliseconds(250))
        #expect(machine.expire(now: start + .milliseconds(250)).expired == [1])
    }

    @Test func dropsTheLateReplyAndKeepsTheOrder() {
        var machine = ready()
        _ = submit(1, to: &machine, budget: .milliseconds(10))
        _ = submit(2, to: &machine)
        #expect(machine.expire(now: start + .milliseconds(10)).expired == [1])
        #expect(name(machine.received(.integer(1))) == "none")
        #expect(name(machine.received(.integer(2))) == "deliver 2: integer(2)")
    }

    @Test func countsAbandonedSlotsAsInFlight() {
        var machine = ready(maximumInFlight: 1)
        _ = submit(1, to: &machine, budget: .milliseconds(10))
        #expect(machine.expire(now: start + .milliseconds(10)).expired == [1])
        #expect(submit(2, to: &machine) == "overloaded")
    }

    @Test func fallsSilentOnceAReplyIsOwedTooLongAndEndsNoCommandForIt() {
        var machine = ready()
        _ = submit(1, to: &machine)
        #expect(!machine.expire(now: start + .milliseconds(99)).fellSilent)
        let silence = machine.expire(now: start + .milliseconds(100))
        #expect(silence.fellSilent && machine.isSilent)
        #expect(silence.expired == [] && silence.closing?.fault == nil)
        #expect(!machine.expire(now: start + .milliseconds(200)).fellSilent, "it is told of once")
        #expect(submit(2, to: &machine, now: start + .milliseconds(200)) == "write")
        let wasSilent = machine.heard(now: start + .milliseconds(300))
        #expect(wasSilent && !machine.isSilent)
        for caller in 1...2 {
            #expect(name(machine.received(.integer(Int64(caller)))) == "deliver \(caller): integer(\(caller))")
        }
    }

    @Test func isNotSilentWhileAnythingComes() {
        var machine = ready()
        for caller in 1...3 { _ = submit(caller, to: &machine) }
        let wasSilent = machine.heard(now: start + .milliseconds(90))
        #expect(!wasSilent)
        _ = machine.received(.null)
        #expect(machine.expire(now: start + .milliseconds(100)).next == start + .milliseconds(190))
        #expect(!machine.isSilent)
        #expect(machine.expire(now: start + .milliseconds(190)).fellSilent)
    }

    @Test func isNotSilentWhileNothingIsOwed() {
        var machine = ready()
        _ = machine.heard(now: start)
        #expect(machine.expire(now: start + .seconds(9)).next == nil)
        _ = submit(1, to: &machine, now: start + .seconds(9))
        #expect(!machine.expire(now: start + .milliseconds(9050)).fellSilent)
    }

    /// It must not be sent again: that could end one connection after the other.
    @Test func givesRubbishToTheCallerWhoseReplyItWouldHaveBeen() {
        var machine = ready()
        for caller in 1...3 { _ = submit(caller, to: &machine) }
        #expect(
            name(machine.receivedRubbish())
                == "misfit of 1, close: \(ConnectionFault.protocolViolated.detail) [2, 3]")
        #expect(name(machine.receivedRubbish()) == "none")
    }

    @Test func closesOnAReplyThatNobodyAskedFor() {
        var machine = ready()
        _ = submit(1, to: &machine)
        _ = machine.received(.null)
        #expect(name(machine.received(.null)) == "close: \(ConnectionFault.unsolicitedReply.detail) []")
        #expect(submit(2, to: &machine) == "not ready: \(ConnectionFault.unsolicitedReply.detail)")
    }

    @Test func closesOnAReplyThatDoesNotFitTheCommand() {
        var machine = ready()
        _ = submit(1, to: &machine, reply: [.bulk, .null])
        _ = submit(2, to: &machine, reply: .integer)
        #expect(name(machine.received(.null)) == "deliver 1: null")
        _ = submit(3, to: &machine, reply: .status)
        #expect(name(machine.received(.status("OK"))) == "misfit of 2, close: reply that does not fit the command [3]")
    }

    @Test func closesOnALateReplyThatDoesNotFitTheCommand() {
        var machine = ready()
        _ = submit(1, to: &machine, reply: .status, budget: .milliseconds(10))
        _ = submit(2, to: &machine, reply: .integer)
        #expect(machine.expire(now: start + .milliseconds(10)).expired == [1])
        #expect(name(machine.received(.integer(2))) == "misfit of 0, close: reply that does not fit the command [2]")
    }

    @Test func takesErrorsForRepliesOfEveryShape() {
        var machine = ready()
        for shape in [RedisCommand.ReplyShape.status, .integer, .bulk, .null, .array, .pair] {
            _ = submit(1, to: &machine, reply: shape)
            #expect(name(machine.received(.error(code: "ERR"))) == "deliver 1: error(code: \"ERR\")")
        }
    }

    @Test(arguments: [
        (RESPReply.array([.bulk([1]), .bulk([2])]), true), (.array([.bulk([1]), .bulk([2]), .bulk([3])]), false),
        (.array([.bulk([1])]), false), (.array([.bulk([1]), .null]), false), (.array([]), false), (.bulk([1]), false),
        (.null, false),
    ])
    func takesTwoBulksForAPair(reply: RESPReply, fits: Bool) {
        #expect(RedisCommand.ReplyShape.pair.fits(reply) == fits)
    }

    @Test func hasRoomForBothOrNeither() {
        var machine = ready(maximumInFlight: 3)
        _ = submit(1, to: &machine)
        #expect(machine.hasRoom(for: 2))
        _ = submit(2, to: &machine)
        #expect(machine.hasRoom(for: 1) && !machine.hasRoom(for: 2))
    }

    @Test func tellsEveryCallerOnceWhenItCloses() {
        var machine = ready()
        for caller in 1...3 { _ = submit(caller, to: &machine) }
        #expect(machine.close(.closedByServer)?.callers == [1, 2, 3])
        #expect(machine.close(.hung)?.callers == nil)
        #expect(machine.expire(now: start + .seconds(9)).expired == [])
        #expect(name(machine.received(.null)) == "none")
    }

    @Test func drainsWhatIsInFlightAndTakesNothingNew() {
        var machine = ready()
        _ = submit(1, to: &machine)
        machine.drain()
        #expect(!machine.isDrained)
        #expect(submit(2, to: &machine) == "not ready: \(ConnectionFault.shutDown.detail)")
        #expect(name(machine.received(.null)) == "deliver 1: null")
        #expect(machine.isDrained)
    }

    @Test func drainsWithoutWaitingForAbandonedReplies() {
        var machine = ready()
        _ = submit(1, to: &machine, budget: .milliseconds(10))
        machine.drain()
        _ = machine.expire(now: start + .milliseconds(10))
        #expect(machine.isDrained)
    }

    private func opening(_ commands: Int, maximumInFlight: Int = 16) -> Machine {
        Machine(
            openingCommands: commands, until: start + .seconds(1), silenceLimit: .milliseconds(100),
            maximumInFlight: maximumInFlight)
    }

    private func ready(maximumInFlight: Int = 16) -> Machine {
        var machine = opening(1, maximumInFlight: maximumInFlight)
        _ = machine.received(.bulk([]))
        return machine
    }

    private func submit(
        _ caller: Int, to machine: inout Machine, reply shape: RedisCommand.ReplyShape = anything,
        budget: TimeAmount = .seconds(3), now: NIODeadline? = nil
    ) -> String {
        let now = now ?? start
        switch machine.submit(caller, reply: shape, end: now + budget, now: now) {
        case .write(let deadline):
            #expect(deadline == now + min(budget, .milliseconds(100)))
            return "write"
        case .overloaded: return "overloaded"
        case .notReady(let fault): return "not ready: \(fault.detail)"
        }
    }

    private func name(_ reception: Machine.Reception) -> String {
        switch reception {
        case .none: "none"
        case .opening(let index, let isLast): "opening \(index)\(isLast ? ", the last" : "")"
        case .deliver(let caller, let reply): "deliver \(caller): \(reply)"
        case .misfit(let caller, let closing):
            "misfit of \(caller ?? 0), close: \(closing.fault.detail) \(closing.callers)"
        case .close(let closing): "close: \(closing.fault.detail) \(closing.callers)"
        }
    }
}
