import CountersignHTTP
import NIOCore
import Testing

/// Bodies that come in time, late, wrongly, or that nobody wants.
@Suite struct ConnectionBodyTests {
    private typealias Line = ConnectionLine

    @Test func deliversABodyThatIsHereAtOnceAndAnotherOnceItIs() {
        var line = Line()
        #expect(line.receive(Line.post(5, "hello")) == ["start /"] && line.collect() == ["at once hello"])
        #expect(line.answer() == ["keepAlive"])
        #expect(line.receive(Line.post(5, "he")) == ["start /"])
        #expect(line.collect() == [] && line.machine.waitingSince == .uptimeNanoseconds(0))
        #expect(line.receive("l") == [] && line.receive("lo" + Line.get("/2")) == ["deliver hello"])
        #expect(line.machine.waitingSince == nil)
        #expect(line.answer() == ["keepAlive", "start /2"])
        #expect(line.collect() == ["at once "])
    }

    /// Head and body share one time, from the first byte of the head.
    @Test func endsABodyThatDoesNotArriveInTime() {
        var line = Line()
        _ = line.receive("P")
        _ = line.pass(.seconds(6))
        #expect(line.receive(String(Line.post(5, "hell").dropFirst())) == ["start /"] && line.collect() == [])
        #expect(line.pass(.seconds(4) - .nanoseconds(1)) == [])
        #expect(line.pass(.nanoseconds(1)) == ["deliver body_incomplete"])
        #expect(line.answer() == ["close", "close body_timeout"])
    }

    @Test func givesARouteItsTimeAfterTheBody() {
        var line = Line()
        _ = line.receive(Line.post(5))
        _ = line.collect()
        _ = line.pass(.seconds(9))
        #expect(line.receive("hello") == ["deliver hello"])
        #expect(line.pass(.seconds(119)) == [] && line.answer() == ["keepAlive"])
    }

    @Test func endsABodyWhoseSenderCloses() {
        var line = Line()
        _ = line.receive(Line.post(5, "hell"))
        #expect(line.collect() == [] && line.end() == ["deliver body_incomplete"])
        #expect(line.answer() == ["close", "close answered"])
        var early = Line()
        _ = early.receive(Line.post(5, "hell"))
        #expect(early.end() == [] && early.collect() == ["at once body_incomplete"])
    }

    @Test func readsNoBodyThatIsTooLarge() {
        var line = Line()
        _ = line.receive(Line.post(6))
        #expect(line.collect(5) == ["at once too large"])
        #expect(line.answer() == ["close", "close output answered"])
        var chunked = Line()
        #expect(
            chunked.receive("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") == [
                "start /"
            ])
        #expect(chunked.collect(5) == [] && chunked.receive("3\r\ndef\r\n") == ["deliver too large"])
        #expect(chunked.answer() == ["close", "close output answered"])
    }

    @Test func endsABodyThatIsMalformed() {
        var line = Line()
        _ = line.receive("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(line.collect() == [] && line.receive("x\r\n") == ["deliver chunk_malformed"])
        #expect(line.answer() == ["close", "close output answered"])
    }

    /// A route may answer without the body: what is here of it is dropped, what is not is not waited for.
    @Test func dropsABodyThatNobodyAskedFor() {
        var line = Line()
        #expect(line.receive(Line.post(5, "hello") + Line.get("/2")) == ["start /"])
        #expect(line.answer() == ["keepAlive", "start /2"])
        var rest = Line()
        _ = rest.receive(Line.post(5, "hell"))
        #expect(rest.answer() == ["close", "close output answered"])
        #expect(rest.receive("o" + Line.get("/2")) == [] && rest.end() == ["close answered"])
    }

    @Test func readsABodyAheadOnlyToABound() {
        var line = Line()
        let part = String(repeating: "x", count: ConnectionMachine.aheadBytes)
        #expect(line.receive(Line.post(30_000)) == ["start /"] && line.machine.wantsToRead)
        #expect(line.receive(part) == [] && !line.machine.wantsToRead)
        #expect(line.collect(30_000) == [] && line.machine.wantsToRead)
    }

    @Test func tellsAClientToSendItsBodyOnceARouteWantsIt() {
        let expect = "Expect: 100-continue\r\n"
        var line = Line()
        #expect(line.receive(Line.post(5, "", expect)) == ["start /"])
        #expect(line.collect() == ["continue"] && line.receive("hel") == [] && line.receive("lo") == ["deliver hello"])
        #expect(line.answer() == ["keepAlive"])
        var early = Line()
        #expect(early.receive(Line.post(5, "he", expect)) == ["start /"] && early.collect() == [])
        var refused = Line()
        #expect(refused.receive(Line.post(5, "", expect)) == ["start /"])
        #expect(refused.answer() == ["close", "close output answered"])
        var tooLarge = Line()
        #expect(
            tooLarge.receive(Line.post(6, "", expect)) == ["start /"] && tooLarge.collect(5) == ["at once too large"])
    }
}
