import CountersignHTTP
import MetricsTestKit
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

/// What a connection does with its socket, its routes, the log and the metrics. The states themselves: ConnectionMachineTests.
@Suite struct ConnectionHandlerTests {
    private typealias Scene = ConnectionScene

    private static func json(_ text: String, in answer: String) -> Bool {
        answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\n\(text)")
    }

    private static func status(_ answer: String) -> Substring { answer.dropFirst(9).prefix(3) }

    @Test func writesHeadAndBodyInOnePiece() throws {
        let scene = try Scene()
        let answer = try scene.send(Scene.get("/1"))
        let id = try #require(answer.firstMatch(of: /X-Request-Id: ([0-9a-f]{32})\r\n/)).1
        #expect(
            answer
                == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nX-Request-Id: \(id)\r\n"
                + "Date: Mon, 24 Nov 2025 17:00:00 GMT\r\nContent-Length: 2\r\n\r\n/1")
        #expect(scene.socket.writeCount == 1)
        #expect(Self.json("/2", in: try scene.send(Scene.get("/2"))) && scene.channel.isActive)
    }

    /// The clock moves while the probe is in the loop's queue.
    @Test func measuresHowLongRequestsWaitForTheirLoop() throws {
        let clock = ManualClock()
        let scene = try Scene(queueClock: clock)
        for milliseconds in [0, 250] {
            clock.advance(by: .seconds(1))
            try scene.channel.writeInbound(ByteBuffer(string: Scene.get("/")))
            clock.advance(by: .milliseconds(milliseconds))
            _ = try scene.answers()
        }
        let timer = try scene.metrics.expectTimer("countersign_queueing_seconds", [("listener", "public")])
        #expect(timer.values == [0, 250_000_000])
    }

    @Test func saysWhatBecomesOfTheConnection() throws {
        let scene = try Scene()
        #expect(!(try scene.send(Scene.get("/"))).contains("Connection:"))
        let last = try scene.send(Scene.get("/", "Connection: close\r\n"))
        #expect(last.contains("Connection: close\r\n") && !scene.channel.isActive)
        let old = try Scene()
        let kept = try old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(kept.contains("Connection: keep-alive\r\n") && old.channel.isActive)
        let end = try old.send("GET / HTTP/1.0\r\n\r\n")
        #expect(end.contains("Connection: close\r\n") && !old.channel.isActive)
    }

    @Test func leavesOutBodiesThatAnAnswerMayNotHave() throws {
        let scene = try Scene()
        let head = try scene.send("HEAD /1234 HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(head.contains("Content-Length: 5\r\n") && head.hasSuffix("\r\n\r\n"))
        let empty = try scene.send(Scene.get("/empty"))
        #expect(empty.hasPrefix("HTTP/1.1 204 No Content\r\n") && !empty.contains("Content-Length"))
        #expect(Self.json("/1", in: try scene.send(Scene.get("/1"))))
    }

    @Test func answersRequestsThatWereSentAheadOneAfterAnother() throws {
        let scene = try Scene()
        #expect(try scene.send(Scene.get("/wait/1") + Scene.get("/2") + Scene.get("/wait/3") + Scene.get("/4")) == "")
        #expect(scene.routes.waitingPaths == ["/wait/1"])
        scene.routes.go("/wait/1")
        let first = try scene.answers()
        #expect(first.contains("/wait/1HTTP/1.1 200") && first.hasSuffix("\r\n\r\n/2"))
        scene.routes.go("/wait/3")
        let rest = try scene.answers()
        #expect(rest.contains("/wait/3HTTP/1.1 200") && rest.hasSuffix("\r\n\r\n/4"))
    }

    @Test func bringsARouteItsBody() throws {
        let scene = try Scene()
        #expect(Self.json("hello", in: try scene.send(Scene.post("/body", length: 5) + "hello")))
        #expect(try scene.send(Scene.post("/body", length: 5) + "he") == "")
        #expect(Self.json("hello", in: try scene.send("llo")))
        #expect(
            try scene.send(Scene.post("/body", length: 5, "Expect: 100-continue\r\n"))
                == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(Self.json("hello", in: try scene.send("hello")))
        let chunked = "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        #expect(Self.json("hello", in: try scene.send(chunked)))
    }

    @Test func refusesABodyThatIsTooLargeWithoutReadingIt() throws {
        let scene = try Scene()
        #expect(Self.json("0123456789", in: try scene.send(Scene.post("/body", length: 10) + "0123456789")))
        let answer = try scene.send(Scene.post("/body", length: 11))
        #expect(Self.status(answer) == "413" && answer.contains("Connection: close\r\n"))
        #expect(scene.socket.isOutputClosed && scene.channel.isActive, "its sender may still be sending")
        let end = try scene.order(ChannelEvent.inputClosed)
        #expect(end == "" && !scene.channel.isActive)
    }

    @Test func takesNoCodedBody() throws {
        for coding in ["gzip", "br, identity", "x"] {
            let scene = try Scene()
            let answer = try scene.send(Scene.post("/body", length: 5, "Content-Encoding: \(coding)\r\n") + "hello")
            #expect(Self.status(answer) == "415" && answer.contains("Accept-Encoding: identity\r\n"))
            #expect(answer.contains("must not be compressed"))
        }
        let scene = try Scene()
        let plain = Scene.post("/body", length: 5, "Content-Encoding: Identity\r\n") + "hello"
        #expect(Self.json("hello", in: try scene.send(plain)))
    }

    // MARK: - Refusals

    /// As any other refusal is.
    @Test func answersLogsAndCountsWhatIsNoRequest() throws {
        let scene = try Scene()
        let answer = try scene.send("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        #expect(Self.status(answer) == "400" && answer.contains("Content-Type: application/problem+json\r\n"))
        #expect(answer.contains(#""error_code":"invalid_request""#) && answer.contains("Connection: close\r\n"))
        let id = try #require(answer.firstMatch(of: /X-Request-Id: ([0-9a-f]{32})\r\n/)).1
        #expect(answer.contains("\"request_id\":\"\(id)\""))
        let line = try #require(scene.log.lines.first)
        #expect(line.contains("error_code=invalid_request reason=host_twice request_id=\(id)"))
        #expect(scene.count("countersign_refusals_total", [("identity_provider", ""), ("reason", "host_twice")]) == 1)
        let kind = [("route", "other"), ("status", "400"), ("error_code", "invalid_request")]
        #expect(scene.count("countersign_requests_total", kind) == 1)
    }

    @Test func answersAHeadThatIsTooLargeWith431() throws {
        let scene = try Scene()
        let answer = try scene.send(Scene.get("/", "Cookie: \(String(repeating: "c", count: 20_000))\r\n"))
        #expect(Self.status(answer) == "431" && answer.contains(#""error_code":"head_too_large""#))
        #expect(scene.log.lines.count == 1 && scene.log.lines[0].contains("reason=head_too_large"))
        let trailers = try Scene()
        let start = "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "
        #expect(Self.status(try trailers.send(start + String(repeating: "x", count: 17_000))) == "431")
    }

    @Test func tellsWhatIsWrongWithARequestThatDoesNotArrive() throws {
        let head = try Scene()
        _ = try head.send("GET / HT")
        #expect(try head.pass(.seconds(10)).contains("not well-formed HTTP/1.1"))
        #expect(!head.channel.isActive)
        #expect(head.closed(.headTimeout) == 1)
        let body = try Scene()
        _ = try body.send(Scene.post("/body", length: 5) + "hell")
        let answer = try body.pass(.seconds(10))
        #expect(answer.contains(#""error_code":"invalid_request""#) && answer.contains("did not arrive whole"))
        #expect(!body.channel.isActive && body.closed(.bodyTimeout) == 1)
    }

    // MARK: - The peer

    /// One timer, whatever the deadlines do.
    @Test func closesAnIdleConnectionAtItsTime() throws {
        let scene = try Scene()
        for _ in 0..<5 {
            _ = try scene.pass(.seconds(30))
            _ = try scene.send(Scene.get("/"))
        }
        _ = try scene.pass(.seconds(75) - .nanoseconds(1))
        #expect(scene.channel.isActive)
        _ = try scene.pass(.nanoseconds(1))
        #expect(!scene.channel.isActive && scene.closed(.idleTimeout) == 1)
    }

    @Test func waitsForAReaderOnlySoLong() throws {
        let scene = try Scene()
        scene.channel.isWritable = false
        #expect(try scene.send(Scene.get("/1") + Scene.get("/2")).hasSuffix("/1"), "the next answer has to wait")
        scene.channel.isWritable = true
        scene.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try scene.answers().hasSuffix("/2"))
        scene.channel.isWritable = false
        _ = try scene.send(Scene.get("/3"))
        _ = try scene.pass(.seconds(10) - .nanoseconds(1))
        #expect(scene.channel.isActive)
        _ = try scene.pass(.nanoseconds(1))
        #expect(!scene.channel.isActive && scene.closed(.writeTimeout) == 1)
    }

    @Test func stopsReadingWhileARequestIsAnswered() throws {
        let scene = try Scene()
        _ = try scene.send(Scene.get("/wait"))
        let ahead = String(repeating: "x", count: ConnectionMachine.aheadBytes / 2)
        _ = try scene.send(ahead)
        let count = scene.socket.readCount
        _ = try scene.send(ahead)
        #expect(scene.socket.readCount == count)
        scene.routes.go("/wait")
        #expect(try scene.answers().contains("/waitHTTP/1.1 400"))
    }

    /// The work is what costs: who hangs up and comes again does not get more of it done at once.
    @Test func keepsThePlaceOfAClientThatHangsUpUntilItsRequestIsDone() throws {
        let scene = try Scene()
        _ = try scene.send(Scene.get("/wait"))
        scene.channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "reset"))
        _ = try scene.answers()
        #expect(!scene.channel.isActive && scene.gate.counts == (0, 1))
        scene.routes.go("/wait")
        #expect(try scene.answers() == "")
        #expect(scene.gate.counts == (0, 0))
        #expect(scene.closed(.peer) == 1)
    }

    @Test func endsABodyWhoseSenderIsGone() throws {
        let scene = try Scene()
        _ = try scene.send(Scene.post("/body", length: 5) + "hell")
        #expect(scene.gate.counts == (1, 0))
        _ = try scene.channel.close().wait()
        #expect(try scene.answers() == "")
        #expect(scene.gate.counts == (0, 0))
        #expect(scene.log.lines.last?.contains("reason=body_incomplete") == true)
    }
}
