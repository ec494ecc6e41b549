import Foundation
import TestSupport
import Testing
import TokenExchange

/// HTTP/1.1 as others speak it, byte by byte, against the real program.
@Suite struct ConnectionTests {
    private static func answer(
        _ service: CountersignProcess, to text: String, port: Int? = nil
    ) throws -> (answer: HTTPAnswer, connection: HTTPConnection) {
        let connection = try HTTPConnection(port: port ?? service.publicPort)
        try connection.send(text)
        return (try connection.answer(), connection)
    }

    @Test func closesAConnectionOfHTTP10UnlessItIsToBeKept() async throws {
        let service = try await CountersignProcess.start()
        let once = try Self.answer(service, to: "GET /livez HTTP/1.0\r\n\r\n", port: service.operationsPort)
        #expect(once.answer.status == 200 && once.answer.headers["connection"] == "close" && once.connection.isClosed())
        let keepAlive = "GET /livez HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        let kept = try Self.answer(service, to: keepAlive, port: service.operationsPort)
        #expect(kept.answer.headers["connection"] == "keep-alive")
        try kept.connection.send(keepAlive)
        #expect(try kept.connection.answer().status == 200)
        for connection in ["close", "keep-alive, Close"] {
            let last = try Self.answer(
                service, to: "GET /session HTTP/1.1\r\nHost: x\r\nConnection: \(connection)\r\n\r\n")
            #expect(last.answer.status == 401 && last.answer.headers["connection"] == "close")
            #expect(last.connection.isClosed())
        }
    }

    @Test(arguments: [
        "Host: x\r\nHost: x", "Host: x\r\nHost: y", "Accept: x", "Host: x:port", "Host: x:70000", "Host:", "Host: x/y",
        "Host: x, y z",
    ])
    func refusesWhatDoesNotNameOneHost(_ fields: String) async throws {
        let service = try await CountersignProcess.start()
        for port in [service.publicPort, service.operationsPort] {
            let path = port == service.publicPort ? "/.well-known/jwks.json" : "/livez"
            let result = try Self.answer(service, to: "GET \(path) HTTP/1.1\r\n\(fields)\r\n\r\n", port: port)
            #expect(result.answer.status == 400 && result.answer.errorCode == "invalid_request")
        }
    }

    @Test func answersForTheHostOfAnAbsoluteTarget() async throws {
        var settings = CountersignProcess.Settings()
        settings.providers = CountersignProcess.Settings.provider("vip-loyalty", more: ", hosts: [vip.acme.example]")
        let service = try await CountersignProcess.start(settings)
        func login(target: String, host: String) throws -> Int {
            let body = #"{"identity":"\#(String(decoding: try ModelToken.fresh(), as: UTF8.self))"}"#
            return try Self.answer(
                service,
                to: "POST \(target) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            ).answer.status
        }
        #expect(try login(target: "/", host: "vip.acme.example") == 200)
        #expect(
            try login(target: "/", host: "VIP.acme.example.:8080") == 200, "a last dot and a port make no difference")
        #expect(try login(target: "/", host: "other.example") == 404)
        #expect(try login(target: "http://vip.acme.example/", host: "other.example") == 200)
        #expect(try login(target: "http://other.example/", host: "vip.acme.example") == 404)
        #expect(try login(target: "http://vip.acme.example/", host: "x:y") == 400)
        #expect(try login(target: "/%70ost_login%5Fcallback/%76ip-loyalty", host: "x") == 200)
        #expect(try login(target: "/post_login_callback%2Fvip-loyalty", host: "x") == 404)
    }

    /// Counted and logged as any other refusal.
    @Test func answersAHeadThatIsTooLarge() async throws {
        let service = try await CountersignProcess.start()
        let cookies = "Cookie: " + String(repeating: "c", count: 20_000)
        for (field, port) in [(cookies, service.publicPort), (cookies, service.operationsPort)] {
            let result = try Self.answer(
                service, to: "GET /session HTTP/1.1\r\nHost: x\r\n\(field)\r\n\r\n", port: port)
            #expect(result.answer.status == 431 && result.answer.errorCode == "head_too_large")
            #expect(result.answer.headers["content-type"] == "application/problem+json")
            #expect(result.answer.json["request_id"] as? String == result.answer.headers["x-request-id"])
            #expect(result.connection.isClosed())
        }
        let target = try Self.answer(service, to: "GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\n\r\n")
        #expect(target.answer.status == 431)
        #expect(
            service.log.contains(#""error_code":"head_too_large""#)
                && service.log.contains(#""reason":"head_too_large""#))
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains(#"countersign_refusals_total{identity_provider="",reason="head_too_large"} 3"#))
        #expect(
            metrics.contains(#"countersign_requests_total{error_code="head_too_large",route="other",status="431"} 3"#))
    }

    /// Two lines are one list (RFC 9110 §5.3), which is no media type.
    @Test func takesNoBodyOfTwoContentTypes() async throws {
        let service = try await CountersignProcess.start()
        let line = "Content-Type: application/json\r\n"
        for (lines, status) in [(line, 400), (line + line, 415)] {
            let request = "POST /post_login_callback HTTP/1.1\r\nHost: a\r\n\(lines)Content-Length: 2\r\n\r\n{}"
            #expect(try Self.answer(service, to: request).answer.status == status)
        }
    }

    @Test func takesNoCompressedBody() async throws {
        let service = try await CountersignProcess.start()
        for (path, type) in [
            ("/post_login_callback/vip-loyalty", "application/json"), ("/token", "application/x-www-form-urlencoded"),
        ] {
            let answer = try service.connect().request(
                "POST", path, headers: ["Content-Type": type, "Content-Encoding": "gzip"], body: [0x1F, 0x8B, 8, 0])
            #expect(answer.status == 415 && answer.headers["accept-encoding"] == "identity")
            #expect(answer.errorCode == "unsupported_media_type")
        }
        let plain = try service.callback(
            #"{"identity":"\#(String(decoding: try ModelToken.fresh(), as: UTF8.self))"}"#,
            headers: ["Content-Encoding": "identity"])
        #expect(plain.status == 200)
    }

    /// A client may close its side once it has said all.
    @Test func answersAClientThatHasClosedItsSide() async throws {
        let service = try await CountersignProcess.start()
        let connection = try service.connect()
        let get = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n"
        try connection.send(get + get)
        connection.closeOutput()
        #expect(try connection.answer().status == 200 && connection.answer().status == 200)
        #expect(connection.isClosed())
    }

    /// Head and body have one time, which begins with the first byte.
    @Test func closesWhoSendsARequestTooSlowly() async throws {
        var settings = CountersignProcess.Settings()
        settings.limits = "{ requests_per_second: 0, request_timeout: 400ms }"
        let service = try await CountersignProcess.start(settings)
        let (silent, dripping) = (try service.connect(), try service.connect())
        try silent.send("GET / HTTP/1.1\r\nHost: x\r\nX-A: b")
        try dripping.send("GET / HTTP/1.1\r\nHost: x\r\nX-A: b")
        #expect(try silent.answer().status == 400 && silent.isClosed())
        try await eventually("the other one is closed as well") {
            do {
                try dripping.send("b")
                return false
            } catch { return true }
        }
    }

    @Test func closesWhatIsIdleForTooLong() async throws {
        var settings = CountersignProcess.Settings()
        settings.listenMore = ", idle_timeout: 400ms"
        let service = try await CountersignProcess.start(settings)
        let (used, unused) = (try service.connect(), try service.connect())
        #expect(try used.request("GET", "/.well-known/jwks.json").status == 200)
        #expect(used.isClosed() && unused.isClosed())
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains(#"countersign_connections_closed_total{listener="public",reason="idle_timeout"} 2"#))
    }
}
