import CountersignHTTP
import NIOCore
import Testing

/// What becomes of a connection while a request is answered, and after it.
@Suite struct ConnectionAnswerTests {
    private typealias Line = ConnectionLine

    @Test func answersOneRequestAfterAnother() {
        var line = Line()
        #expect(line.receive(Line.get("/1")) == ["start /1"] && line.machine.waitingSince == nil)
        #expect(line.answer() == ["keepAlive"] && line.machine.state == .idle)
        _ = line.pass(.seconds(74))
        #expect(line.receive(Line.get("/2")) == ["start /2"])
        #expect(line.answer() == ["keepAlive"])
        #expect(line.pass(.seconds(74)) == [] && line.pass(.seconds(1)) == ["close idle_timeout"])
    }

    @Test func takesUpWhatWasSentAheadOnlyAfterAnAnswer() {
        var line = Line()
        #expect(line.receive(Line.get("/1") + Line.get("/2") + "GET /3") == ["start /1"])
        #expect(line.answer(isTaken: false) == ["keepAlive"] && line.machine.state == .writing)
        #expect(line.taken() == ["start /2"])
        #expect(line.answer() == ["keepAlive"] && line.machine.state == .head)
        #expect(line.receive(" HTTP/1.1\r\nHost: x\r\n\r\n") == ["start /3"])
    }

    @Test func stopsReadingWhileEnoughWasSentAhead() {
        var line = Line()
        let ahead = String(repeating: Line.get("/more"), count: 800)
        let enough = String(decoding: ahead.utf8.prefix(ConnectionMachine.aheadBytes - 1), as: UTF8.self)
        #expect(line.receive(Line.get("/1")) == ["start /1"] && line.machine.wantsToRead)
        #expect(line.receive(enough) == [] && line.machine.wantsToRead)
        #expect(line.receive("G") == [] && !line.machine.wantsToRead)
        #expect(line.answer(isTaken: false) == ["keepAlive"] && !line.machine.wantsToRead)
        #expect(line.taken() == ["start /more"] && line.machine.wantsToRead)
    }

    @Test func closesAfterTheLastAnswer() {
        for fields in ["Connection: close\r\n", "Connection: keep-alive, close\r\n"] {
            var line = Line()
            #expect(line.receive(Line.get("/", fields)) == ["start /"])
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
        #expect(line.receive(Line.get("/1", "Connection: close\r\n") + Line.get("/2")) == ["start /1"])
        #expect(line.answer() == ["close", "close output answered"])
        #expect(line.pass(.seconds(2) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close linger_timeout"])
    }

    @Test func answersWhatCameBeforeThePeerClosedItsSide() {
        var line = Line()
        #expect(line.receive(Line.get("/1") + Line.get("/2")) == ["start /1"])
        #expect(line.end() == [] && !line.machine.wantsToRead)
        #expect(line.answer() == ["keepAlive", "start /2"])
        #expect(line.answer() == ["keepAlive", "close peer"])
    }

    @Test func leavesTimeForAnAnswerButNotForever() {
        var line = Line()
        #expect(line.receive(Line.get()) == ["start /"])
        #expect(line.pass(.minutes(2) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close answer_timeout"])
    }

    @Test func boundsTheTimeToTakeAnAnswer() {
        var line = Line()
        _ = line.receive(Line.get())
        #expect(line.answer(isTaken: false) == ["keepAlive"])
        #expect(line.machine.waitingSince == .uptimeNanoseconds(0))
        #expect(line.pass(.seconds(10) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["close write_timeout"])
    }

    /// Nothing of the end comes before the peer has taken the answer.
    @Test func endsOnlyOnceTheLastAnswerIsTaken() {
        var last = Line()
        _ = last.receive(Line.get("/", "Connection: close\r\n"))
        #expect(last.answer(isTaken: false) == ["close"] && last.machine.state == .writing)
        #expect(last.taken() == ["close answered"])
        var more = Line()
        _ = more.receive(Line.get("/1", "Connection: close\r\n") + Line.get("/2"))
        #expect(more.answer(isTaken: false) == ["close"])
        #expect(more.taken() == ["close output answered"] && more.end() == ["close answered"])
        var left = Line()
        _ = left.receive(Line.get())
        #expect(left.answer(isTaken: false) == ["keepAlive"] && left.end() == [])
        #expect(left.taken() == ["close peer"])
    }
}
