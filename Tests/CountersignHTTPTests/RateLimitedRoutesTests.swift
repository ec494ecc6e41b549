import CountersignHTTP
import Foundation
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// Which requests spend the allowance of their source, and what a source without allowance is told.
@Suite struct RateLimitedRoutesTests {
    struct Request: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        var method = HTTPRequest.Method.post
        var path = "/post_login_callback/vip-loyalty"
        var contentType = "application/json"
        var authorization: String?
        var body = ""

        init(
            _ description: String, _ status: Int, _ method: HTTPRequest.Method = .post,
            _ path: String = "/post_login_callback/vip-loyalty", contentType: String = "application/json",
            authorization: String? = nil, body: String = ""
        ) {
            testDescription = description
            self.status = status
            self.method = method
            self.path = path
            self.contentType = contentType
            self.authorization = authorization
            self.body = body
        }

        /// With a form as its body.
        init(_ description: String, _ status: Int, _ path: String, _ form: String, by authorization: String? = nil) {
            self.init(
                description, status, .post, path, contentType: "application/x-www-form-urlencoded",
                authorization: authorization, body: form)
        }
    }

    private static let wrong = TestVerifier.basic("asker", "wrong")
    private static let right = TestVerifier.basic("asker", RoutesBench.secret)
    private static let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
    private static let subject = "&subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token="

    /// Whatever a caller can get wrong.
    static let refused = [
        Request("a bad token", 401, body: #"{"identity":"x"}"#), Request("a body that is no JSON", 400, body: "{"),
        Request("a body too large", 413, body: String(repeating: " ", count: 32_769)),
        Request("another content type", 415, contentType: "text/plain", body: "{}"),
        Request("an unknown provider", 404, .post, "/post_login_callback/nobody", body: "{}"),
        Request("an unknown host", 404, .post, "/", body: "{}"), Request("a wrong method", 405, .get),
        Request("an unknown path", 404, .get, "/wp-login.php"),
        Request("an unknown script", 404, .get, "/webview/x.js"),
        Request("a wrong method for the key set", 405, .post, "/.well-known/jwks.json"),
        Request("no token at /session", 401, .get, "/session"),
        Request("a bad token at /session", 401, .get, "/session", authorization: "Bearer x"),
        Request("a wrong method at /session", 405, .put, "/session"),
        Request("another grant at /token", 400, "/token", "grant_type=password"),
        Request("a bad token at /token", 400, "/token", grant + subject + "x"),
        Request("an unknown audience at /token", 400, "/token", grant + subject + "x&audience=nobody"),
        Request("no credentials at /introspect", 401, "/introspect", "token=x"),
        Request("a wrong secret at /introspect", 401, "/introspect", "token=x", by: wrong),
        Request("a wrong secret at /revoke", 401, "/revoke", "token=x", by: wrong),
        Request("a wrong secret at /revocations", 401, "/revocations", "all=true", by: wrong),
        Request("a wrong Bearer secret at /revocations", 401, "/revocations", "all=true", by: "Bearer asker:wrong"),
        Request("an unknown verifier", 401, "/introspect", "token=x", by: TestVerifier.basic("nobody", "right")),
    ]

    private func answer(
        _ bench: RoutesBench, _ request: Request, from source: UInt64 = 1
    ) async throws -> (reply: Reply, problem: Problem?) {
        var headers: HTTPFields = [.contentType: request.contentType]
        headers[.authorization] = request.authorization
        return try await bench.answer(request.method, request.path, headers, Array(request.body.utf8), from: source)
    }

    private func login(_ bench: RoutesBench, _ provider: String = "vip-loyalty", token: [UInt8]? = nil) throws
        -> Request
    {
        let token = String(decoding: try token ?? bench.exchange.token.signed(by: TestKeys.rs256), as: UTF8.self)
        return Request("a login", 200, .post, "/post_login_callback/\(provider)", body: #"{"identity":"\#(token)"}"#)
    }

    @Test(arguments: refused)
    func spendsWhatIsRefused(request: Request) async throws {
        let bench = RoutesBench(burst: 3)
        for _ in 0..<3 { #expect(try await answer(bench, request).reply.status.code == request.status) }
        let (limited, problem) = try await answer(bench, request)
        #expect(limited.status == .tooManyRequests && limited.headers[.retryAfter] == "1")
        #expect(limited.headers[.wwwAuthenticate] == nil && limited.headers[.allow] == nil)
        #expect(problem?.code == .rateLimited)
        if request.path == "/session" { #expect(limited.headers[.vary] == "Origin", "pages of other origins see it") }
        #expect(try await answer(bench, request, from: 2).reply.status.code == request.status, "another source")
        bench.exchange.clock.advance(by: .milliseconds(999))
        #expect(try await answer(bench, request).reply.status == .tooManyRequests)
        bench.exchange.clock.advance(by: .milliseconds(1))
        #expect(try await answer(bench, request).reply.status.code == request.status)
        #expect(try await answer(bench, request).reply.status == .tooManyRequests)
    }

    @Test func spendsNothingOfWhatIsAnsweredAsAsked() async throws {
        let bench = RoutesBench(burst: 1)
        let login = try login(bench)
        let first = try await answer(bench, login).reply
        let identity = try #require(
            (try JSONSerialization.jsonObject(with: Data(first.body)) as? [String: String])?["external_identity"])
        let requests = [
            login, Request("a session", 200, .get, "/session", authorization: "Bearer \(identity)"),
            Request("a preflight", 204, .options, "/session"),
            Request("introspection", 200, "/introspect", "token=\(identity)", by: Self.right),
            Request("introspection of rubbish", 200, "/introspect", "token=x", by: Self.right),
            Request("a verifier's bad form", 400, "/introspect", "token=x&token=x", by: Self.right),
            Request("a verifier that may not", 403, "/revoke", "token=x", by: Self.right),
            Request("a verifier that may not", 403, "/revocations", "all=true", by: Self.right),
            Request("the key set", 200, .get, "/.well-known/jwks.json"),
            Request("the script", 200, .head, "/webview/countersign.js"),
            Request("an exchange", 200, "/token", Self.grant + Self.subject + login.token),
        ]
        for request in requests + requests {
            #expect(try await answer(bench, request).reply.status.code == request.status, "\(request.testDescription)")
        }
        #expect(try await answer(bench, Self.refused[0]).reply.status.code == 401, "all of the allowance is there")
        #expect(try await answer(bench, Self.refused[0]).reply.status.code == 429)
    }

    @Test func spendsNothingForFailuresOfOurs() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: .timedOut)
        let bench = RoutesBench(ExchangeBench(clock: clock, store: store), burst: 1)
        for _ in 0..<10 { #expect(try await answer(bench, login(bench)).reply.status.code == 503) }
        #expect(try await answer(bench, Self.refused[0]).reply.status.code == 401)
    }

    @Test func looksAtNothingFromASourceThatIsBarredButHandsOutWhatIsPublic() async throws {
        let bench = RoutesBench()
        bench.bar()
        let token = try bench.exchange.token.signed(by: TestKeys.rs256)
        let login = try login(bench, token: token)
        let limited = [
            login, Request("a session", 200, .get, "/session", authorization: "Bearer x"),
            Request("introspection", 200, "/introspect", "token=x", by: Self.right),
            Request("revocation", 200, "/revoke", "token=x", by: Self.right),
            Request("revocation of many", 200, "/revocations", "all=true", by: Self.right),
        ]
        for request in limited {
            let (reply, problem) = try await answer(bench, request)
            #expect(reply.status == .tooManyRequests && reply.headers[.retryAfter] == "1")
            #expect(problem?.code == .rateLimited, "\(request.testDescription)")
        }
        let exchange = Request("an exchange", 200, "/token", Self.grant + Self.subject + login.token)
        let oauth = try await answer(bench, exchange).reply
        #expect(oauth.status == .tooManyRequests && oauth.headers[.retryAfter] == "1")
        #expect(String(decoding: oauth.body, as: UTF8.self).contains(#""error":"temporarily_unavailable""#))
        for path in ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/webview/countersign.v1.js"]
        {
            #expect(try await answer(bench, Request("a document", 200, .get, path)).reply.status == .ok)
        }
        #expect(try await answer(bench, Request("a preflight", 204, .options, "/session")).reply.status == .noContent)
        #expect(try await answer(bench, login, from: 2).reply.status == .ok)
        bench.exchange.clock.advance(by: .seconds(1))
        #expect(try await answer(bench, login).reply.status == .ok)
    }

    @Test func letsAnOptionalLoginGoOnWithoutAToken() async throws {
        let bench = RoutesBench(ExchangeBench(providers: [.vipLoyalty(mode: .optional)]))
        bench.bar()
        for request in [try login(bench), Self.refused[0], Self.refused[1]] {
            let (reply, problem) = try await answer(bench, request)
            #expect(reply.status == .ok && reply.headers[HTTPField.Name("Countersign-Degraded")!] == "rate_limited")
            #expect(String(decoding: reply.body, as: UTF8.self) == #"{"external_identity":null}"#)
            #expect(problem?.code == .rateLimited)
        }
        let exchange = Request("an exchange", 200, "/token", Self.grant + Self.subject + (try login(bench)).token)
        #expect(try await answer(bench, exchange).reply.status == .tooManyRequests, "no answer without a token there")
        // The refusal that takes what is left is told.
        bench.exchange.clock.advance(by: .seconds(1))
        #expect(try await answer(bench, Self.refused[0]).reply.status.code == 401)
    }

    /// Bodies that arrive slowly must not all be looked at because there was allowance when they began.
    @Test func looksAgainWhetherASourceIsBarredOnceABodyHasArrived() async throws {
        for makesForm in [false, true] {
            let bench = RoutesBench()
            let login = try login(bench)
            let text = makesForm ? Self.grant + Self.subject + login.token : login.body
            let type = makesForm ? "application/x-www-form-urlencoded" : "application/json"
            let (reply, problem) = try await bench.answer(
                .post, makesForm ? "/token" : login.path, [.contentType: type],
                LateBody(bytes: Array(text.utf8)) { bench.bar() })
            #expect(reply.status == .tooManyRequests && problem?.code == .rateLimited)
        }
    }

    @Test func tellsALongWaitInFullSeconds() async throws {
        let bench = RoutesBench(burst: 1)
        bench.bar()
        for (passed, header) in [(0, "1"), (1, "1"), (998, "1")] {
            bench.exchange.clock.advance(by: .milliseconds(passed))
            let reply = try await answer(bench, Self.refused[0]).reply
            #expect(reply.status == .tooManyRequests && reply.headers[.retryAfter] == header)
        }
    }
}

/// A body before whose end something happens.
struct LateBody: RequestBody {
    let bytes: [UInt8]
    let meanwhile: @Sendable () -> Void

    func collect(upTo limit: Int) async throws(Problem) -> [UInt8] {
        meanwhile()
        return bytes
    }
}

extension RateLimitedRoutesTests.Request {
    /// Of a login.
    fileprivate var token: String { String(body.dropFirst(#"{"identity":""#.count).dropLast(2)) }
}
