import CountersignHTTP
import MetricsTestKit
import NIOSSL
import TestSupport
import Testing
import TokenExchange

/// A listener that speaks HTTP/2 over TLS: what it answers, what it refuses, and how its connections end.
@Suite struct HTTP2ListenerTests {
    private static let certificate = Result { try TestCertificate() }

    /// - Parameter body: is given a way to open connections.
    static func running(
        requestTimeout: Duration = .seconds(60), idleTimeout: Duration = .seconds(75),
        http2: HTTP2Limits = HTTP2Limits(), offering protocols: [String] = ["h2", "http/1.1"],
        metrics: TestMetrics = TestMetrics(), log: RecordedLog = RecordedLog(),
        _ body: (HTTPListener, SceneRoutes, Int, TestCertificate) async throws -> Void
    ) async throws {
        let certificate = try certificate.get()
        var configuration = try certificate.serverConfiguration
        configuration.applicationProtocols = protocols
        try await ListenerScene.running(
            requestTimeout: requestTimeout, idleTimeout: idleTimeout,
            tls: try NIOSSLContext(configuration: configuration),
            http2: http2, metrics: metrics, log: log
        ) { try await body($0, $1, $2, certificate) }
    }

    private static func count(_ name: String, _ metrics: TestMetrics) -> Int64 {
        (try? metrics.expectCounter(name, [("listener", "public")]))?.totalValue ?? 0
    }

    // MARK: - Good requests

    @Test func answersRequestsOfOneConnectionInAnyOrder() async throws {
        let metrics = TestMetrics()
        try await Self.running(metrics: metrics) { listener, routes, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            #expect(client.settings[3] == 100 && client.settings[6] == 98_304)
            try await client.send(.request(1, "/wait/1"), .request(3, "/3"))
            let third = try await client.answer(3)
            #expect(third.status == 200 && third.text == "/3")
            #expect(third.headers["content-length"] == "2" && third.headers["connection"] == nil)
            #expect(third.headers["x-request-id"]?.count == 32 && third.headers["date"] != nil)
            #expect(listener.connectionCounts == (waiting: 0, answering: 1), "one connection, whatever it carries")
            routes.go("/wait/1")
            #expect(try await client.answer(1).text == "/wait/1")
            try await eventually("it waits for its client") { listener.connectionCounts == (waiting: 1, answering: 0) }
            try await client.send(.request(5, "/5678", method: "HEAD"), .request(7, "/empty"))
            let head = try await client.answer(5)
            #expect(head.body.isEmpty && head.headers["content-length"] == "5")
            let empty = try await client.answer(7)
            #expect(empty.status == 204 && empty.headers["content-length"] == nil)
        }
        #expect(Self.count("countersign_http2_connections_total", metrics) == 1)
        #expect(Self.count("countersign_connections_accepted_total", metrics) == 1)
    }

    @Test func readsBodiesUpToTheLimitOfTheirRoute() async throws {
        try await Self.running { _, _, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            func post(_ stream: Int, _ more: [(String, String)] = []) -> HTTP2Bytes {
                .request(stream, "/body", method: "POST", more: more, endsStream: false)
            }
            try await client.send(post(1), .body(1, "0123456789"))
            #expect(try await client.answer(1).text == "0123456789", "as much as it takes")
            try await client.send(post(3), .body(3, "01234567890"))
            #expect(try await client.answer(3).status == 413)
            try await client.send(post(5, [("content-length", "11")]))
            #expect(try await client.answer(5).status == 413, "it need not be sent")
            #expect(try await client.reset(5) == 0, "nor is the rest of it wanted")
            try await client.send(post(7))
            try await client.send(.body(7, "01", endsStream: false))
            try await client.send(.body(7, "234"))
            #expect(try await client.answer(7).text == "01234")
            try await client.send(post(9, [("expect", "100-continue")]))
            try await eventually("it may go on") { client.headCount(9) == 1 }
            try await client.send(.body(9, "ok"))
            #expect(try await client.answer(9).text == "ok")
            try await client.send(post(11), .body(11, "0", endsStream: false))
            try await client.send(HTTP2Bytes(type: 1, flags: 5, stream: 11, HTTP2Bytes.field("x-sum", "1")))
            #expect(try await client.answer(11).text == "0", "trailers end a body")
            try await client.send(post(13, [("content-length", "3")]), .body(13, "01"))
            #expect(try await client.reset(13) == 1, "PROTOCOL_ERROR")
        }
    }

    @Test func sendsAnswersAsFastAsTheClientAllows() async throws {
        try await Self.running { _, _, port, certificate in
            // SETTINGS_INITIAL_WINDOW_SIZE.
            let client = try await HTTP2Client.connect(port: port, trusting: certificate, settings: [4: 10])
            try await client.send(.request(1, "/0123456789abcdef"), .request(3, "/3"))
            #expect(try await client.answer(3).text == "/3")
            try await client.send(.windowUpdate(1, by: 7))
            #expect(try await client.answer(1).text == "/0123456789abcdef")
        }
    }

    @Test func staysWithHTTP1UnlessBothWantHTTP2() async throws {
        try await Self.running(offering: ["http/1.1"]) { _, _, port, certificate in
            await #expect(throws: ProgramFailure.self) {
                _ = try await HTTP2Client.connect(port: port, trusting: certificate)
            }
        }
    }

    /// Prior knowledge in clear text (RFC 9113 §3.3).
    @Test func refusesHTTP2WithoutTLS() async throws {
        try await ListenerScene.running { _, _, port in
            let client = try HTTPConnection(port: port)
            try client.send(HTTP2Bytes.preface.bytes + HTTP2Bytes.settings.bytes)
            #expect(try client.answer().status == 400)
            #expect(client.isClosed())
        }
    }

    // MARK: - Bad requests

    struct BadHead: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let fields: [(String, String)]
        let reason: HTTPFault

        /// - Parameters:
        ///   - without: the pseudo-field of a good request that is left out.
        ///   - fields: after the others.
        init(_ what: String, without: String = "", _ fields: [(String, String)] = [], _ reason: HTTPFault) {
            let good = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/1")]
            testDescription = what
            self.fields = good.filter { $0.0 != without } + fields
            self.reason = reason
        }
    }

    static let badHeads = [
        BadHead("no method", without: ":method", [], .requestLineMalformed),
        BadHead("no scheme", without: ":scheme", [], .requestLineMalformed),
        BadHead("no path", without: ":path", [], .targetMalformed),
        BadHead("an empty path", without: ":path", [(":path", "")], .targetMalformed),
        BadHead("the absolute form", without: ":path", [(":path", "https://localhost/1")], .targetMalformed),
        BadHead("no name", without: ":authority", [], .hostMissing),
        BadHead("two names", [("host", "other")], .hostMalformed),
        BadHead("the same name twice", without: ":authority", [("host", "x"), ("host", "x")], .hostTwice),
        BadHead("a user", without: ":authority", [(":authority", "me@localhost")], .hostMalformed),
        BadHead("a method twice", [(":method", "GET")], .fieldMalformed),
        BadHead("a status", [(":status", "200")], .fieldMalformed),
        BadHead("a protocol", [(":protocol", "websocket")], .fieldMalformed),
        BadHead("an unknown method", without: ":method", [(":method", "BREW")], .requestLineMalformed),
        BadHead("a tunnel", without: ":method", [(":method", "CONNECT")], .targetMalformed),
        BadHead("a capital letter", [("X-Trace", "1")], .fieldMalformed),
        BadHead("a late pseudo-field", without: ":path", [("x", "1"), (":path", "/1")], .fieldMalformed),
        BadHead("a connection", [("connection", "close")], .fieldMalformed),
        BadHead("a coding", [("transfer-encoding", "chunked")], .fieldMalformed),
        BadHead("an upgrade", [("upgrade", "h2c")], .fieldMalformed),
        BadHead("te", [("te", "gzip")], .fieldMalformed),
        BadHead("a line feed", [("x", "a\nb: c")], .fieldMalformed),
        BadHead("a NUL", [("x", "a\0b")], .fieldMalformed),
        BadHead("a blank in front", [("x", " a")], .fieldMalformed),
        BadHead("a space in a name", [("x y", "a")], .fieldMalformed),
    ]

    @Test(arguments: badHeads)
    func answersWhatIsNoRequestWithAProblem(bad: BadHead) async throws {
        let log = RecordedLog()
        try await Self.running(log: log) { _, _, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            try await client.send(.request(1, bad.fields), .request(3, "/3"))
            let answer = try await client.answer(1)
            #expect(answer.status == 400 && answer.headers["content-type"] == "application/problem+json")
            #expect(try await client.answer(3).text == "/3", "the connection goes on")
        }
        #expect(log.lines.joined().contains(bad.reason.rawValue))
    }

    @Test func takesTheSameNameTwice() async throws {
        try await Self.running { _, _, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            let fields = [(":method", "GET"), (":scheme", "https"), (":path", "/1"), ("host", "localhost:1")]
            try await client.send(.request(1, fields), .request(3, "/3", more: [("host", "LOCALHOST")]))
            #expect(try await client.answer(1).text == "/1")
            #expect(try await client.answer(3).text == "/3")
        }
    }

    /// Of 48 KiB, of which one line may have 16, in at most 100 fields; beyond 96 KiB nothing is read.
    @Test func boundsHeads() async throws {
        try await Self.running { _, _, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            // The settings are confirmed by now, since this comes after it.
            try await client.send(.request(1, "/1"))
            _ = try await client.answer(1)
            func lines(_ count: Int, of bytes: Int) -> [(String, String)] {
                (0..<count).map { ("x-\($0)", String(repeating: "v", count: bytes)) }
            }
            let statuses = [
                (lines(4, of: 11_000), 200), (lines(5, of: 11_000), 431), (lines(1, of: 16_300), 200),
                (lines(1, of: 16_400), 431), (lines(100, of: 1), 200), (lines(101, of: 1), 431),
            ]
            for (index, (fields, status)) in statuses.enumerated() {
                let stream = 3 + 2 * index
                let whole = HTTP2Bytes.request(stream, "/1", more: fields).bytes.dropFirst(9)
                let parts = stride(from: 0, to: whole.count, by: 16_000).map { start in
                    Array(whole.dropFirst(start).prefix(16_000))
                }
                for (number, part) in parts.enumerated() {
                    let isLast: UInt8 = number == parts.count - 1 ? 4 : 0
                    try await client.send(
                        HTTP2Bytes(
                            type: number == 0 ? 1 : 9, flags: number == 0 ? 1 | isLast : isLast, stream: stream, part))
                }
                #expect(try await client.answer(stream).status == status, "\(fields.count) fields")
            }
            try await client.send(.request(101, "/1", endsHead: false))
            for _ in 0..<8 {
                try? await client.send(
                    HTTP2Bytes(type: 9, stream: 101, HTTP2Bytes.field("x", String(repeating: "v", count: 16_300))))
            }
            _ = try await client.end()
        }
    }

    // MARK: - The end of connections

    @Test func tellsClientsThatItLeavesAndAnswersWhatIsUnderWay() async throws {
        let metrics = TestMetrics()
        try await Self.running(metrics: metrics) { listener, routes, port, certificate in
            let idle = try await HTTP2Client.connect(port: port, trusting: certificate)
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            try await client.send(.request(1, "/wait/1"))
            try await eventually("it is being answered") { !routes.waitingPaths.isEmpty }
            async let drained: Void = listener.drain(within: .seconds(60))
            try await eventually("both are told") { !idle.goAways.isEmpty && !client.goAways.isEmpty }
            #expect(client.goAways == [Int(Int32.max)])
            try await idle.send(.request(1, "/late"))
            #expect(try await idle.answer(1).text == "/late", "it was on its way")
            #expect(try await idle.end() == 0)
            #expect(idle.goAways.last == 1, "which requests were acted upon")
            routes.go("/wait/1")
            #expect(try await client.answer(1).text == "/wait/1")
            #expect(try await client.end() == 0)
            await drained
        }
        try await ListenerScene.expectClosed(2, .draining, metrics)
    }

    @Test func endsWhatDoesNotFinishInTime() async throws {
        try await Self.running { listener, routes, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            try await client.send(.request(1, "/wait/1"), .request(3, "/body", method: "POST", endsStream: false))
            try await eventually("it is being answered") { !routes.waitingPaths.isEmpty }
            await listener.drain(within: .milliseconds(300))
            _ = try await client.end()
            routes.go("/wait/1")
            try await eventually("its work has ended, too") { listener.connectionCounts == (0, 0) }
        }
    }

    @Test func closesIdleConnectionsAndTellsThem() async throws {
        let metrics = TestMetrics()
        try await Self.running(idleTimeout: .milliseconds(300), metrics: metrics) { _, routes, port, certificate in
            let client = try await HTTP2Client.connect(port: port, trusting: certificate)
            try await client.send(.request(1, "/wait/1"))
            try await eventually("it is being answered") { !routes.waitingPaths.isEmpty }
            let idle = try await HTTP2Client.connect(port: port, trusting: certificate)
            #expect(try await idle.end() == 0)
            #expect(!client.isClosed, "a connection with a request is not idle")
            routes.go("/wait/1")
            #expect(try await client.answer(1).text == "/wait/1")
            #expect(try await client.end() == 0)
        }
        try await ListenerScene.expectClosed(2, .idleTimeout, metrics)
    }
}
