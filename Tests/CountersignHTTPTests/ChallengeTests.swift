import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing

/// What `WWW-Authenticate` says.
@Suite struct ChallengeTests {
    /// RFC 6750 §3: who has sent a token is told that it is bad; who has sent none, only how to.
    @Test func challengesByWhatWasSent() async throws {
        let verifiers = #"Basic realm="countersign", charset="UTF-8", Bearer"#
        let invalid = #" error="invalid_token""#
        let callback = "/post_login_callback/vip-loyalty"
        let wrong = TestVerifier.basic("asker", "wrong")
        let challenges: [(HTTPRequest.Method, String, String?, String, Int, String?)] = [
            (.get, "/session", nil, "", 401, "Bearer"), (.get, "/session", "Bearer", "", 401, "Bearer"),
            (.get, "/session", "Bearer ", "", 401, "Bearer"), (.get, "/session", wrong, "", 401, "Bearer"),
            (.get, "/session", "Bearer x", "", 401, "Bearer" + invalid),
            (.get, "/session", "bearer \u{FF}", "", 401, "Bearer" + invalid),
            (.post, callback, nil, #"{"identity":"x"}"#, 401, "Bearer" + invalid),
            (.post, callback, nil, "{", 400, nil),
            (.post, "/introspect", nil, "token=x", 401, verifiers),
            (.post, "/introspect", wrong, "token=x", 401, verifiers),
            (.post, "/revoke", "Bearer asker:wrong", "token=x", 401, verifiers + invalid),
            (.post, "/revoke", "Bearer x", "token=x", 401, verifiers + invalid),
            (.post, "/revocations", "Bearer asker:wrong", "all=true", 401, verifiers + invalid),
            (.post, "/revoke", "Bearer asker:right", "token=x", 403, #"Bearer error="insufficient_scope""#),
            (.post, "/revoke", TestVerifier.basic("asker", "right"), "token=x", 403, nil),
            (.post, "/token", nil, "grant_type=x", 400, nil),
        ]
        for (method, path, authorization, body, status, challenge) in challenges {
            var headers: HTTPFields = [
                .contentType: path == callback ? "application/json" : "application/x-www-form-urlencoded"
            ]
            headers[.authorization] = authorization
            let reply = try await RoutesBench().answer(method, path, headers, Array(body.utf8)).0
            #expect(reply.status.code == status, "\(path) \(authorization ?? "")")
            #expect(reply.headers[.wwwAuthenticate] == challenge, "\(path) \(authorization ?? "")")
        }
    }
}
