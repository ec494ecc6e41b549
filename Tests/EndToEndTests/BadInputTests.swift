import TestSupport
import Testing
import TokenExchange

/// Rubbish in: a clear 4xx problem document out, and the next good token is served as if nothing had been.
@Suite struct BadInputTests {
    struct Rubbish: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        let code: String
        var path = "/post_login_callback/vip-loyalty"
        var method = "POST"
        var contentType: String? = "application/json"
        let body: [UInt8]

        init(
            _ description: String, _ status: Int, _ code: String, path: String = "/post_login_callback/vip-loyalty",
            method: String = "POST", contentType: String? = "application/json", _ body: String
        ) {
            self.init(description, status, code, path: path, method: method, contentType: contentType, Array(body.utf8))
        }

        init(
            _ description: String, _ status: Int, _ code: String, path: String = "/post_login_callback/vip-loyalty",
            method: String = "POST", contentType: String? = "application/json", _ body: [UInt8]
        ) {
            testDescription = description
            self.status = status
            self.code = code
            self.path = path
            self.method = method
            self.contentType = contentType
            self.body = body
        }
    }

    static let table: [Rubbish] = [
        Rubbish("empty body", 400, "invalid_request", ""),
        Rubbish("truncated JSON", 400, "invalid_request", #"{"identity":"e"#),
        Rubbish("an array", 400, "invalid_request", "[]"),
        Rubbish("identity a number", 400, "invalid_request", #"{"identity":7}"#),
        Rubbish("identity null", 400, "invalid_request", #"{"identity":null}"#),
        Rubbish("identity absent", 400, "invalid_request", #"{"deviceId":"x"}"#),
        Rubbish("identity empty", 400, "invalid_request", #"{"identity":""}"#),
        Rubbish("identity an empty Bearer", 400, "invalid_request", #"{"identity":"Bearer "}"#),
        Rubbish("device a number", 400, "invalid_request", #"{"identity":"x","deviceId":1}"#),
        Rubbish(
            "spellings of the device that disagree", 400, "invalid_request",
            #"{"identity":"x","deviceId":"a","device_id":"b"}"#),
        Rubbish("identity twice", 400, "invalid_request", #"{"identity":"x","identity":"y"}"#),
        Rubbish("a nested member twice", 400, "invalid_request", #"{"identity":"x","o":{"a":1,"\u0061":2}}"#),
        Rubbish(
            "17 levels", 400, "invalid_request",
            #"{"identity":"x","o":"# + String(repeating: "[", count: 16) + String(repeating: "]", count: 16) + "}"),
        Rubbish("a NUL", 400, "invalid_request", #"{"identity":"x\u0000"}"#),
        Rubbish("a lone surrogate", 400, "invalid_request", #"{"identity":"\uD800"}"#),
        Rubbish(
            "bytes that are no UTF-8", 400, "invalid_request",
            Array(#"{"identity":""#.utf8) + [0xFF, 0xFE] + Array("\"}".utf8)),
        Rubbish(
            "100,000 dots", 413, "body_too_large", #"{"identity":""# + String(repeating: ".", count: 100_000) + "\"}"),
        Rubbish(
            "20,000 dots", 401, "token_rejected", #"{"identity":""# + String(repeating: ".", count: 20_000) + "\"}"),
        Rubbish("a body one byte too long", 413, "body_too_large", String(repeating: " ", count: 32_769)),
        Rubbish("a body of just the limit", 400, "invalid_request", String(repeating: " ", count: 32_768)),
        Rubbish("10 MB", 413, "body_too_large", [UInt8](repeating: 0x20, count: 10_000_000)),
        Rubbish("not a token", 401, "token_rejected", #"{"identity":"hello"}"#),
        Rubbish("no content type", 415, "unsupported_media_type", contentType: nil, "{}"),
        Rubbish("another content type", 415, "unsupported_media_type", contentType: "text/plain", "{}"),
        Rubbish(
            "a form", 415, "unsupported_media_type", contentType: "application/x-www-form-urlencoded", "identity=x"),
        Rubbish("an unknown provider", 404, "identity_provider_unknown", path: "/post_login_callback/nobody", "{}"),
        Rubbish(
            "a provider with a slash", 404, "identity_provider_unknown", path: "/post_login_callback/vip-loyalty/", "{}"
        ),
        Rubbish("an encoded provider", 404, "identity_provider_unknown", path: "/post_login_callback/%2e%2e", "{}"),
        Rubbish("an unknown path", 404, "not_found", path: "/nowhere", "{}"),
        Rubbish("a wrong method", 405, "method_not_allowed", method: "PUT", "{}"),
        Rubbish("a wrong method on a read path", 405, "method_not_allowed", path: "/.well-known/jwks.json", "{}"),
    ]

    @Test func refusesAllOfItAndServesOn() async throws {
        let service = try await CountersignProcess.start()
        for rubbish in Self.table {
            let headers = rubbish.contentType.map { ["Content-Type": $0] } ?? [:]
            let answer = try service.connect().request(
                rubbish.method, rubbish.path, headers: headers, body: rubbish.body)
            #expect(answer.status == rubbish.status, "\(rubbish.testDescription)")
            #expect(answer.errorCode == rubbish.code, "\(rubbish.testDescription)")
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(Set(answer.json.keys) == ["type", "title", "status", "detail", "error_code", "request_id"])
            #expect(answer.json["request_id"] as? String == answer.headers["x-request-id"])
            #expect((answer.headers["allow"] != nil) == (rubbish.status == 405))
            #expect(try service.exchange(try ModelToken.fresh()).status == 200, "after \(rubbish.testDescription)")
        }
    }

    @Test func endsABodyThatDoesNotArrive() async throws {
        var settings = CountersignProcess.Settings()
        settings.limits = "{ requests_per_second: 0, request_timeout: 300ms }"
        let service = try await CountersignProcess.start(settings)
        let slow = try service.connect()
        try slow.send(
            "POST /post_login_callback/vip-loyalty HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: 100\r\n\r\n{\"ident")
        let answer = try slow.answer()
        #expect(answer.status == 400 && answer.errorCode == "invalid_request")
        #expect(slow.isClosed())
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
    }

    @Test func survivesWhatIsNoHTTP() async throws {
        let service = try await CountersignProcess.start()
        for bytes in ["\u{16}\u{3}\u{1}\u{2}\u{0}", "GET\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"] {
            let connection = try service.connect()
            try connection.send(bytes)
            _ = try? connection.answer()
            #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        }
    }

    @Test func keepsASaneRequestIDAndReplacesAnother() async throws {
        let service = try await CountersignProcess.start()
        func identifier(for incoming: String) throws -> String? {
            try service.callback("{}", headers: ["X-Request-Id": incoming]).headers["x-request-id"]
        }
        #expect(try identifier(for: "till-1.login_42") == "till-1.login_42")
        let longest = String(repeating: "a", count: 128)
        #expect(try identifier(for: longest) == longest)
        for insane in [longest + "a", "a b", "<script>", "é"] {
            let chosen = try #require(try identifier(for: insane))
            #expect(chosen != insane && chosen.utf8.count == 32)
            #expect(!service.log.contains(insane + "\""))
        }
        #expect(service.log.contains(#""request_id":"till-1.login_42""#))
    }
}
