import CountersignHTTP
import NIOCore
import Testing

/// Every edge of the table in docs/connections.md; those of an answer and of a body: ConnectionAnswerTests, ConnectionBodyTests.
@Suite struct ConnectionMachineTests {
    private typealias Line = ConnectionLine

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
        #expect(line.machine.state == .closed && line.receive(Line.get()) == [])
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
        #expect(line.answer() == ["close", "close output refused"] && line.machine.state == .lingering)
        #expect(line.receive("more") == [] && line.machine.wantsToRead)
        #expect(line.end() == ["close refused"])
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
        #expect(line.receive(Line.get()) == ["start /"] && line.answer() == ["close", "close answered"])
        var answering = Line()
        _ = answering.receive(Line.get())
        #expect(answering.order { $0.drain($1) } == [] && answering.answer() == ["close", "close answered"])
        var secure = Line(isSecure: true)
        _ = secure.order { $0.drain($1) }
        _ = secure.order { $0.handshakeCompleted($1) }
        #expect(secure.pass(.milliseconds(500)) == ["close draining"])
    }

    /// Whatever the order finds it doing before it is idle.
    @Test func keepsNoIdleConnectionWhileItDrains() {
        var head = Line()
        _ = head.receive("GET")
        #expect(head.order { $0.drain($1) } == [] && head.pass(.seconds(9)) == [])
        #expect(head.receive(" / HTTP/1.1\r\nHost: x\r\n\r\n") == ["start /"])
        #expect(head.answer() == ["close", "close answered"])
        var writing = Line()
        _ = writing.receive(Line.get())
        #expect(writing.answer(isTaken: false) == ["keepAlive"])
        #expect(writing.order { $0.drain($1) } == [] && writing.taken() == [])
        #expect(writing.pass(.milliseconds(499)) == [] && writing.pass(.milliseconds(1)) == ["close draining"])
    }

    @Test func endsWhateverItIsDoing() {
        let texts = ["", "GET", Line.get(), Line.post(5, "he")]
        for text in texts {
            var line = Line()
            _ = line.receive(text)
            if text.contains("POST") { _ = line.collect() }
            #expect(line.order { machine, _ in machine.abandon(.evicted) } == ["close evicted"])
            #expect(line.receive(Line.get()) == [] && !line.machine.wantsToRead && line.machine.waitingSince == nil)
            #expect(line.order { machine, _ in machine.abandon(.shutdown) } == [])
        }
        var writing = Line()
        _ = writing.receive(Line.get())
        _ = writing.answer(isTaken: false)
        #expect(writing.order { machine, _ in machine.abandon(.evicted) } == ["close evicted"])
        var lingering = Line()
        _ = lingering.receive("GET / HTTP/2.0\r\nX")
        #expect(lingering.answer() == ["close", "close output refused"])
        #expect(lingering.machine.waitingSince == .uptimeNanoseconds(0), "it gives way first")
        #expect(lingering.order { machine, _ in machine.abandon(.evicted) } == ["close evicted"])
        var secure = Line(isSecure: true)
        #expect(
            secure.order { machine, _ in machine.abandon(.handshakeFailed) } == ["close handshake_failed"])
    }

    @Test func doesNothingOnceDisconnected() {
        var line = Line()
        _ = line.receive(Line.post(5, "he"))
        _ = line.collect()
        #expect(line.order { machine, _ in machine.disconnected() } == [] && line.receive("llo") == [])
        #expect(line.pass(.seconds(100)) == [])
    }
}
