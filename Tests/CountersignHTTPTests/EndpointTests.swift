import CountersignHTTP
import Foundation
import HTTPTypes
import Testing
import TokenExchange

/// What every path of a listener has in common.
@Suite struct EndpointTests {
    private static func detail(_ reply: Reply) throws -> String? {
        let json = try JSONValue(parsing: reply.body)
        return (json["detail"] ?? json["error_description"])?.string.map { String($0) }
    }

    @Test(arguments: [
        ("/post_login_callback/vip-loyalty", "POST"), ("/token", "POST"), ("/introspect", "POST"), ("/revoke", "POST"),
        ("/session", "GET, OPTIONS, HEAD"), ("/.well-known/jwks.json", "GET, HEAD"),
        ("/.well-known/oauth-authorization-server", "GET, HEAD"), ("/webview/countersign.js", "GET, HEAD"),
        ("/livez", "GET, HEAD"), ("/readyz", "GET, HEAD"), ("/status", "GET, HEAD"), ("/metrics", "GET, HEAD"),
        ("/openapi.yaml", "GET, HEAD"),
        ("/revocations", "POST"),
    ])
    func namesTheMethodsThatItTakes(path: String, methods: String) async throws {
        let (reply, problem) = try await RoutesBench().answer(.delete, path)
        #expect(reply.status == .methodNotAllowed && reply.headers[.allow] == methods)
        #expect(problem?.code == .methodNotAllowed)
    }

    private static let authorization =
        "Basic " + Data("\(RoutesBench.verifier.id):\(RoutesBench.secret)".utf8).base64EncodedString()

    @Test(arguments: [
        ("/post_login_callback/vip-loyalty", "application/json", "JSON object with a string member identity"),
        ("/token", "application/x-www-form-urlencoded", "grant_type"),
        ("/introspect", "application/x-www-form-urlencoded", "the field token"),
    ])
    func saysWhatAGoodRequestIs(path: String, type: String, words: String) async throws {
        let headers: HTTPFields = [.contentType: type, .authorization: Self.authorization]
        let (reply, problem) = try await RoutesBench().answer(.post, path, headers, Array("x=1".utf8))
        #expect(problem?.code == .invalidRequest)
        #expect(try Self.detail(reply)?.contains(words) == true)
    }

    /// The same sentence to one that may revoke single sessions, but not all there are.
    @Test func tellsAVerifierOnlyThatItMayNotRevokeThat() async throws {
        let headers: HTTPFields = [.authorization: Self.authorization]
        let (reply, _) = try await RoutesBench().answer(.post, "/revocations", headers)
        #expect(try Self.detail(reply) == "This verifier may not revoke that; the configuration says what it may.")
    }

    @Test(arguments: [
        (HTTPRequest.Method.get, "/livez", "livez"), (.head, "/.well-known/jwks.json", "jwks"),
        (.get, "/.well-known/oauth-authorization-server", "metadata"), (.options, "/session", "session"),
    ])
    func saysWhichEndpointHasAnswered(method: HTTPRequest.Method, path: String, name: LabelValue) async throws {
        #expect(try await RoutesBench().answer(method, path).0.notes.route == name)
    }

    @Test(arguments: ["/", "/nope", "/introspect/", "/webview/", "/webview/countersign.v9.js", "/LIVEZ"])
    func leadsNowhereElse(path: String) async throws {
        let (_, problem) = try await RoutesBench().answer(.get, path)
        #expect(problem?.code == (path == "/" ? .methodNotAllowed : .notFound))
    }
}
