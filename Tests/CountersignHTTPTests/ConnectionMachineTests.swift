import CountersignHTTP
import NIOCore
import Testing

/// Every edge of the table in docs/connections.md, by a clock that stands still until it is told to move.
@Suite struct ConnectionMachineTests {
    /// A machine, what happens to it, and what it then wants done.
    private struct Line {
        private(set) var machine: ConnectionMachine
        private(set) var now = NIODeadline.uptimeNanoseconds(0)
        static let times = ConnectionTimes(request: .seconds(10), idle: .seconds(75))

        init(isSecure: Bool = false) {
            machine = ConnectionMachine(
                limits: HeadLimits(), times: Self.times, isSecure: isSecure, now: .uptimeNanoseconds(0))
        }

        mutating func receive(_ text: String) -> [String] {
            machine.received(ByteBuffer(string: text))
            return actions()
        }

        mutating func end() -> [String] {
            machine.inputClosed()
            return actions()
        }

        mutating func pass(_ time: TimeAmount) -> [String] {
            now = now + time
            machine.timePassed(now)
            return actions()
        }

        mutating func order(_ body: (inout ConnectionMachine, NIODeadline) -> Void) -> [String] {
            body(&machine, now)
            return actions()
        }

        mutating func collect(_ limit: Int = 100) -> [String] {
            if let body = machine.collect(upTo: limit, now) { return ["at once " + Self.text(body)] }
            return actions()
        }

        /// - Parameter isTaken: whether the kernel takes all of it.
        mutating func answer(isTaken: Bool = true) -> [String] {
            let persistence = machine.answered(now)
            machine.wrote(isDone: isTaken, now)
            return ["\(persistence)"] + actions()
        }

        mutating func taken() -> [String] {
            machine.wrote(isDone: true, now)
            return actions()
        }

        private mutating func actions() -> [String] {
            var actions: [String] = []
            while true {
                switch machine.next(now) {
                case .none: return actions
                case .start(let head): actions.append("start \(head.path)")
                case .refuse(let fault): actions.append("refuse \(fault.rawValue)")
                case .sendContinue: actions.append("continue")
                case .deliver(let body): actions.append("deliver " + Self.text(body))
                case .closeOutput: actions.append("close output")
                case .close(let reason): actions.append("close \(reason.rawValue)")
                }
            }
        }

        private static func text(_ body: ConnectionMachine.Body) -> String {
            switch body {
            case .content(let bytes): String(decoding: bytes, as: UTF8.self)
            case .tooLarge: "too large"
            case .refused(let fault): fault.rawValue
            }
        }
    }

    private static func get(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    private static func post(_ length: Int, _ body: String = "", _ fields: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\(fields)\r\n\(body)"
    }

    // MARK: - Handshake

    @Test func boundsTheHandshake() {
        var line = Line(isSecure: true)
        #expect(line.machine.state == .handshake && line.machine.waitingSince == .uptimeNanoseconds(0))
        #expect(line.pass(.seconds(10) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close handshake_timeout"])
    }

    @Test func waitsForARequestAfterTheHandshake() {
        var line = Line(isSecure: true)
        _ = line.pass(.seconds(9))
        #expect(line.order { $0.handshakeCompleted($1) } == [] && line.machine.state == .idle)
        #expect(line.pass(.seconds(74)) == [])
        #expect(line.pass(.seconds(1)) == ["close idle_timeout"])
        var leaving = Line(isSecure: true)
        #expect(leaving.end() == ["close peer"])
    }

    // MARK: - Idle

    @Test func closesWhatIsIdleForTooLong() {
        var line = Line()
        #expect(line.pass(.seconds(75) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close idle_timeout"])
        #expect(line.machine.state == .closed && line.receive(Self.get()) == [])
    }

    @Test func closesWhenAnIdlePeerDoes() {
        var line = Line()
        #expect(line.end() == ["close peer"])
    }

    /// They begin no request, and keep no connection.
    @Test func countsEmptyLinesAsNothing() {
        var line = Line()
        _ = line.pass(.seconds(70))
        #expect(line.receive("\r\n\r\n") == [] && line.machine.state == .idle)
        #expect(line.pass(.seconds(5)) == ["close idle_timeout"])
    }

    // MARK: - Head

    @Test func countsAHeadFromItsFirstByte() {
        var line = Line()
        _ = line.pass(.seconds(30))
        #expect(line.receive("G") == [] && line.machine.state == .head)
        for byte in "ET / HT" {
            #expect(line.pass(.seconds(1)) == [])
            #expect(line.receive(String(byte)) == [])
        }
        #expect(line.pass(.seconds(3) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["refuse head_incomplete"])
        #expect(line.answer() == ["close", "close head_timeout"])
    }

    @Test func refusesAHeadThatItsSenderLeavesUnfinished() {
        var line = Line()
        _ = line.receive("GET / HTTP/1.1\r\n")
        #expect(line.end() == ["refuse head_incomplete"])
        #expect(line.answer() == ["close", "close answered"])
    }

    /// Nobody waits for what may follow it.
    @Test func closesAtOnceAfterWhatIsNoHTTP() {
        var line = Line()
        #expect(line.receive("hello") == ["refuse request_line_malformed"])
        #expect(line.answer() == ["close", "close refused"])
    }

    /// The sender of a request that is refused may still be sending, and should see the answer.
    @Test func lingersAfterAHeadThatIsRefused() {
        var line = Line()
        #expect(line.receive("GET / HTTP/1.1\r\nX y\r\n") == ["refuse field_malformed"])
        #expect(line.answer() == ["close", "close output"] && line.machine.state == .lingering)
        #expect(line.receive("more") == [] && line.machine.wantsToRead)
        #expect(line.end() == ["close refused"])
    }

    // MARK: - Answers

    @Test func answersOneRequestAfterAnother() {
        var line = Line()
        #expect(line.receive(Self.get("/1")) == ["start /1"] && line.machine.waitingSince == nil)
        #expect(line.answer() == ["keepAlive"] && line.machine.state == .idle)
        _ = line.pass(.seconds(74))
        #expect(line.receive(Self.get("/2")) == ["start /2"])
        #expect(line.answer() == ["keepAlive"])
        #expect(line.pass(.seconds(74)) == [] && line.pass(.seconds(1)) == ["close idle_timeout"])
    }

    @Test func takesUpWhatWasSentAheadOnlyAfterAnAnswer() {
        var line = Line()
        #expect(line.receive(Self.get("/1") + Self.get("/2") + "GET /3") == ["start /1"])
        #expect(line.answer(isTaken: false) == ["keepAlive"] && line.machine.state == .writing)
        #expect(line.taken() == ["start /2"])
        #expect(line.answer() == ["keepAlive"] && line.machine.state == .head)
        #expect(line.receive(" HTTP/1.1\r\nHost: x\r\n\r\n") == ["start /3"])
    }

    @Test func stopsReadingWhileEnoughWasSentAhead() {
        var line = Line()
        let ahead = String(repeating: Self.get("/more"), count: 800)
        let enough = String(decoding: ahead.utf8.prefix(ConnectionMachine.aheadBytes - 1), as: UTF8.self)
        #expect(line.receive(Self.get("/1")) == ["start /1"] && line.machine.wantsToRead)
        #expect(line.receive(enough) == [] && line.machine.wantsToRead)
        #expect(line.receive("G") == [] && !line.machine.wantsToRead)
        #expect(line.answer(isTaken: false) == ["keepAlive"] && !line.machine.wantsToRead)
        #expect(line.taken() == ["start /more"] && line.machine.wantsToRead)
    }

    @Test func closesAfterTheLastAnswer() {
        for fields in ["Connection: close\r\n", "Connection: keep-alive, close\r\n"] {
            var line = Line()
            #expect(line.receive(Self.get("/", fields)) == ["start /"])
            #expect(line.answer() == ["close", "close answered"])
        }
        var old = Line()
        #expect(old.receive("GET / HTTP/1.0\r\n\r\n") == ["start /"] && old.answer() == ["close", "close answered"])
        var kept = Line()
        #expect(kept.receive("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == ["start /"])
        #expect(kept.answer() == ["keepAliveHTTP10"] && kept.machine.state == .idle)
    }

    @Test func lingersIfMoreWasSentThanIsAnswered() {
        var line = Line()
        #expect(line.receive(Self.get("/1", "Connection: close\r\n") + Self.get("/2")) == ["start /1"])
        #expect(line.answer() == ["close", "close output"])
        #expect(line.pass(.seconds(2) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close linger_timeout"])
    }

    @Test func answersWhatCameBeforeThePeerClosedItsSide() {
        var line = Line()
        #expect(line.receive(Self.get("/1") + Self.get("/2")) == ["start /1"])
        #expect(line.end() == [] && !line.machine.wantsToRead)
        #expect(line.answer() == ["keepAlive", "start /2"])
        #expect(line.answer() == ["keepAlive", "close peer"])
    }

    @Test func leavesTimeForAnAnswerButNotForever() {
        var line = Line()
        #expect(line.receive(Self.get()) == ["start /"])
        #expect(line.pass(.minutes(2) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close answer_timeout"])
    }

    @Test func boundsTheTimeToTakeAnAnswer() {
        var line = Line()
        _ = line.receive(Self.get())
        #expect(line.answer(isTaken: false) == ["keepAlive"])
        #expect(line.machine.waitingSince == .uptimeNanoseconds(0))
        #expect(line.pass(.seconds(10) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close write_timeout"])
    }

    // MARK: - Bodies

    @Test func deliversABodyThatIsHereAtOnceAndAnotherOnceItIs() {
        var line = Line()
        #expect(line.receive(Self.post(5, "hello")) == ["start /"] && line.collect() == ["at once hello"])
        #expect(line.answer() == ["keepAlive"])
        #expect(line.receive(Self.post(5, "he")) == ["start /"])
        #expect(line.collect() == [] && line.machine.waitingSince == .uptimeNanoseconds(0))
        #expect(line.receive("l") == [] && line.receive("lo" + Self.get("/2")) == ["deliver hello"])
        #expect(line.machine.waitingSince == nil)
        #expect(line.answer() == ["keepAlive", "start /2"])
        #expect(line.collect() == ["at once "])
    }

    /// Head and body share one time, from the first byte of the head.
    @Test func endsABodyThatDoesNotArriveInTime() {
        var line = Line()
        _ = line.receive("P")
        _ = line.pass(.seconds(6))
        #expect(line.receive(String(Self.post(5, "hell").dropFirst())) == ["start /"] && line.collect() == [])
        #expect(line.pass(.seconds(4) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["deliver body_incomplete"])
        #expect(line.answer() == ["close", "close body_timeout"])
    }

    @Test func givesARouteItsTimeAfterTheBody() {
        var line = Line()
        _ = line.receive(Self.post(5))
        _ = line.collect()
        _ = line.pass(.seconds(9))
        #expect(line.receive("hello") == ["deliver hello"])
        #expect(line.pass(.seconds(119)) == [] && line.answer() == ["keepAlive"])
    }

    @Test func endsABodyWhoseSenderCloses() {
        var line = Line()
        _ = line.receive(Self.post(5, "hell"))
        #expect(line.collect() == [] && line.end() == ["deliver body_incomplete"])
        #expect(line.answer() == ["close", "close answered"])
        var early = Line()
        _ = early.receive(Self.post(5, "hell"))
        #expect(early.end() == [] && early.collect() == ["at once body_incomplete"])
    }

    @Test func readsNoBodyThatIsTooLarge() {
        var line = Line()
        _ = line.receive(Self.post(6))
        #expect(line.collect(5) == ["at once too large"])
        #expect(line.answer() == ["close", "close output"])
        var chunked = Line()
        #expect(
            chunked.receive("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") == [
                "start /"
            ])
        #expect(chunked.collect(5) == [] && chunked.receive("3\r\ndef\r\n") == ["deliver too large"])
        #expect(chunked.answer() == ["close", "close output"])
    }

    @Test func endsABodyThatIsMalformed() {
        var line = Line()
        _ = line.receive("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(line.collect() == [] && line.receive("x\r\n") == ["deliver chunk_malformed"])
        #expect(line.answer() == ["close", "close output"])
    }

    /// A route may answer without the body: what is here of it is dropped, what is not is not waited for.
    @Test func dropsABodyThatNobodyAskedFor() {
        var line = Line()
        #expect(line.receive(Self.post(5, "hello") + Self.get("/2")) == ["start /"])
        #expect(line.answer() == ["keepAlive", "start /2"])
        var rest = Line()
        _ = rest.receive(Self.post(5, "hell"))
        #expect(rest.answer() == ["close", "close output"])
        #expect(rest.receive("o" + Self.get("/2")) == [] && rest.end() == ["close answered"])
    }

    @Test func readsABodyAheadOnlyToABound() {
        var line = Line()
        let part = String(repeating: "x", count: ConnectionMachine.aheadBytes)
        #expect(line.receive(Self.post(30_000)) == ["start /"] && line.machine.wantsToRead)
        #expect(line.receive(part) == [] && !line.machine.wantsToRead)
        #expect(line.collect(30_000) == [] && line.machine.wantsToRead)
    }

    @Test func tellsAClientToSendItsBodyOnceARouteWantsIt() {
        let expect = "Expect: 100-continue\r\n"
        var line = Line()
        #expect(line.receive(Self.post(5, "", expect)) == ["start /"])
        #expect(line.collect() == ["continue"] && line.receive("hel") == [] && line.receive("lo") == ["deliver hello"])
        #expect(line.answer() == ["keepAlive"])
        var early = Line()
        #expect(early.receive(Self.post(5, "he", expect)) == ["start /"] && early.collect() == [])
        var refused = Line()
        #expect(refused.receive(Self.post(5, "", expect)) == ["start /"])
        #expect(refused.answer() == ["close", "close output"])
        var tooLarge = Line()
        #expect(
            tooLarge.receive(Self.post(6, "", expect)) == ["start /"] && tooLarge.collect(5) == ["at once too large"])
    }

    // MARK: - Orders

    @Test func drainsAnIdleConnectionAfterAMoment() {
        var line = Line()
        #expect(line.order { $0.drain($1) } == [])
        #expect(line.pass(.milliseconds(499)) == [] && line.pass(.milliseconds(1)) == ["close draining"])
    }

    @Test func answersALastRequestWhileItDrains() {
        var line = Line()
        _ = line.order { $0.drain($1) }
        _ = line.pass(.milliseconds(400))
        #expect(line.receive(Self.get()) == ["start /"] && line.answer() == ["close", "close answered"])
        var answering = Line()
        _ = answering.receive(Self.get())
        #expect(answering.order { $0.drain($1) } == [] && answering.answer() == ["close", "close answered"])
        var secure = Line(isSecure: true)
        _ = secure.order { $0.drain($1) }
        _ = secure.order { $0.handshakeCompleted($1) }
        #expect(secure.pass(.milliseconds(500)) == ["close draining"])
    }

    @Test func endsWhateverItIsDoing() {
        let texts = ["", "GET", Self.get(), Self.post(5, "he")]
        for text in texts {
            var line = Line()
            _ = line.receive(text)
            if text.contains("POST") { _ = line.collect() }
            #expect(line.order { machine, _ in machine.abandon(.evicted) } == ["close evicted"])
            #expect(line.receive(Self.get()) == [] && !line.machine.wantsToRead && line.machine.waitingSince == nil)
            #expect(line.order { machine, _ in machine.abandon(.shutdown) } == [])
        }
    }

    @Test func doesNothingOnceDisconnected() {
        var line = Line()
        _ = line.receive(Self.post(5, "he"))
        _ = line.collect()
        #expect(line.order { machine, _ in machine.disconnected() } == [] && line.receive("llo") == [])
        #expect(line.pass(.seconds(100)) == [])
    }
}
