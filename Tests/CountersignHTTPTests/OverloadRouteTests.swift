import CountersignHTTP
import Foundation
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// What is answered to requests that are shed, and which are not.
@Suite struct OverloadRouteTests {
    private static let late = QueueingDelay(wait: .seconds(1), excess: .seconds(1))
    private static let grant = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange"
    private static let subject = "&subject_token_type=urn:ietf:params:oauth:token-type:jwt&subject_token="

    private func login(_ bench: RoutesBench) throws -> [UInt8] {
        let token = String(decoding: try bench.exchange.token.signed(by: TestKeys.rs256), as: UTF8.self)
        return Array(#"{"identity":"\#(token)"}"#.utf8)
    }

    private func callback(
        _ bench: RoutesBench, _ body: any RequestBody, delay: QueueingDelay = .none
    ) async throws -> (reply: Reply, problem: Problem?) {
        try await bench.answer(
            .post, "/post_login_callback/vip-loyalty", [.contentType: "application/json"], body, delay: delay)
    }

    private func ask(
        _ bench: RoutesBench, _ method: HTTPRequest.Method, _ path: String, _ form: String = "",
        by authorization: String? = nil, delay: QueueingDelay = late
    ) async throws -> Reply {
        var headers: HTTPFields = [.contentType: "application/x-www-form-urlencoded"]
        headers[.authorization] = authorization
        return try await bench.answer(method, path, headers, GivenBody(bytes: Array(form.utf8)), delay: delay).0
    }

    private func full(_ count: Int = 0) -> AdmissionControl {
        AdmissionControl(.init(requestsInProgress: count, queueingTime: .milliseconds(100)))
    }

    @Test func answersAStrictLoginThatItIsOverloadedWithoutReadingTheBody() async throws {
        for (bench, delay) in [(RoutesBench(), Self.late), (RoutesBench(admission: full()), .none)] {
            let (reply, problem) = try await callback(bench, UnreadBody(), delay: delay)
            #expect(reply.status == .serviceUnavailable && problem?.code == .overloaded)
            #expect(["1", "2", "3"].contains(reply.headers[.retryAfter]))
            #expect(try JSONValue(parsing: reply.body)["error_code"] == .string("overloaded"))
        }
    }

    @Test func letsAnOptionalLoginGoOnWithoutAToken() async throws {
        let exchange = ExchangeBench(providers: [.vipLoyalty(mode: .optional)])
        for (bench, delay) in [(RoutesBench(exchange), Self.late), (RoutesBench(exchange, admission: full()), .none)] {
            let (reply, problem) = try await callback(bench, UnreadBody(), delay: delay)
            #expect(reply.status == .ok && reply.headers[HTTPField.Name("Countersign-Degraded")!] == "overloaded")
            #expect(String(decoding: reply.body, as: UTF8.self) == #"{"external_identity":null}"#)
            #expect(problem?.code == .overloaded)
        }
        let form = Self.grant + Self.subject + "x"
        #expect(try await ask(RoutesBench(exchange), .post, "/token", form).status == .serviceUnavailable)
    }

    @Test func answersOAuthClientsInTheirForm() async throws {
        let reply = try await ask(RoutesBench(), .post, "/token", Self.grant)
        #expect(reply.status == .serviceUnavailable && reply.headers[.retryAfter] != nil)
        let json = try JSONValue(parsing: reply.body)
        #expect(json["error"] == .string("temporarily_unavailable") && json["error_code"] == .string("overloaded"))
    }

    /// A session of which nothing is known must not look like one that has ended.
    @Test func neverSaysThatASessionIsInactive() async throws {
        for (bench, delay) in [(RoutesBench(), Self.late), (RoutesBench(admission: full()), .none)] {
            let introspection = try await ask(
                bench, .post, "/introspect", "token=csx_x", by: RoutesBench.authorization, delay: delay)
            let session = try await ask(bench, .get, "/session", by: "Bearer csx_x", delay: delay)
            for reply in [introspection, session] {
                #expect(reply.status == .serviceUnavailable)
                #expect(try JSONValue(parsing: reply.body)["error_code"] == .string("overloaded"))
            }
            #expect(session.headers[.vary] == "Origin", "pages may read it")
        }
    }

    @Test func shedsNoRevocationAndNothingThatIsPublic() async throws {
        let bench = RoutesBench(admission: full(), revocation: .own)
        let revocation = try await ask(bench, .post, "/revoke", "token=csx_x", by: RoutesBench.authorization)
        #expect(revocation.status == .ok)
        for path in ["/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/webview/countersign.v1.js"]
        {
            #expect(try await ask(bench, .get, path).status == .ok)
        }
        #expect(try await ask(bench, .options, "/session").status == .noContent)
        for path in ["/livez", "/readyz", "/metrics"] { #expect(try await ask(bench, .get, path).status == .ok) }
    }

    /// Whoever sends slowly would else keep others out.
    @Test func takesNoPlaceBeforeTheBodyHasArrivedAndGivesItBack() async throws {
        let admission = full(1)
        let bench = RoutesBench(burst: 100, admission: admission)
        let body = LateBody(bytes: try login(bench)) { #expect(admission.inProgress.map(\.count) == [0]) }
        #expect(try await callback(bench, body).reply.status == .ok)
        let refused = GivenBody(bytes: Array(#"{"identity":"x"}"#.utf8))
        #expect(try await callback(bench, refused).reply.status == .unauthorized)
        let form = Self.grant + Self.subject + "x"
        #expect(try await ask(bench, .post, "/token", form, delay: .none).status == .badRequest)
        for _ in 0..<2 {
            let answer = try await ask(
                bench, .post, "/introspect", "token=x", by: RoutesBench.authorization, delay: .none)
            #expect(answer.status == .ok)
            #expect(try await ask(bench, .get, "/session", by: "Bearer x", delay: .none).status == .unauthorized)
        }
        #expect(admission.inProgress.map(\.count).allSatisfy { $0 == 0 })
    }

    /// Of everything that fails here, only this could be the caller's doing; it is not.
    @Test func spendsNoAllowance() async throws {
        let bench = RoutesBench(burst: 1)
        for _ in 0..<5 { #expect(try await callback(bench, UnreadBody(), delay: Self.late).reply.status.code == 503) }
        #expect(try await callback(bench, GivenBody(bytes: try login(bench))).reply.status == .ok)
    }
}

/// Fails the test when it is read.
private struct UnreadBody: RequestBody {
    func collect(upTo limit: Int) async throws -> [UInt8] {
        Issue.record("the body was read")
        return []
    }
}
