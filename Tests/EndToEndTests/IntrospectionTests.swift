import Foundation
import TestSupport
import Testing
import TokenExchange

/// What verifiers learn and may do: introspection (RFC 7662) and revocation (RFC 7009).
@Suite struct IntrospectionTests {
    private typealias Settings = CountersignProcess.Settings

    private static let loyalty = TestVerifier("loyalty-backend", of: "vip-loyalty, easy", mayRevoke: "true")
    private static let notes = TestVerifier("notes-backend", of: "notes")
    private static let admin = TestVerifier("admin", of: "notes", mayRevoke: "all")

    private func service(_ redis: RedisServer? = nil, limits: String? = nil) async throws -> CountersignProcess {
        var settings = Settings()
        if let redis { settings.sessions = Settings.redis(redis, commandTimeout: "200ms") }
        if let limits { settings.limits = limits }
        let claims = "claims: { email: { from: email }, roles: { from: [realm_access, roles] } }"
        settings.providers =
            Settings.provider("vip-loyalty", token: "kind: jwt, audience: \"https://x.example\", \(claims)")
            + Settings.provider("easy", mode: "optional")
            + Settings.provider("notes", token: "kind: opaque, \(claims)")
        settings.verifiers = [Self.loyalty, Self.notes, Self.admin]
        return try await CountersignProcess.start(settings)
    }

    private func token(_ service: CountersignProcess, of provider: String) throws -> String {
        try #require(try service.exchange(try ModelToken.fresh(), provider: provider).externalIdentity)
    }

    private static let inactive = #"{"active":false}"#

    @Test(arguments: [("vip-loyalty", "https://x.example", loyalty), ("notes", "notes", notes)])
    func tellsAVerifierAllThatATokenStandsFor(provider: String, audience: String, verifier: TestVerifier) async throws {
        let service = try await service()
        let answer = try service.introspect(try token(service, of: provider), as: verifier)
        #expect(answer.status == 200 && answer.headers["cache-control"] == "no-store")
        #expect(answer.headers["content-type"] == "application/json")
        #expect(
            Set(answer.json.keys) == [
                "active", "iss", "sub", "aud", "iat", "exp", "jti", "identity_provider", "tenant", "email", "roles",
            ])
        #expect(answer.json["active"] as? Bool == true)
        #expect(answer.json["iss"] as? String == "http://127.0.0.1:8080")
        #expect(answer.json["aud"] as? String == audience)
        #expect(answer.json["identity_provider"] as? String == provider)
        #expect(answer.json["email"] as? String == "jane.operator@example.com")
        #expect((answer.json["roles"] as? [String])?.contains("store_associate") == true)
        let (issued, expires) = (answer.json["iat"] as? Int ?? 0, answer.json["exp"] as? Int ?? 0)
        #expect(expires - issued == 3 * 3600)
    }

    @Test func callsWhatAVerifierMayNotSeeInactive() async throws {
        let service = try await service()
        let (jwt, opaque) = (try token(service, of: "vip-loyalty"), try token(service, of: "notes"))
        #expect(try service.introspect(jwt, as: Self.notes).text == Self.inactive)
        #expect(try service.introspect(opaque, as: Self.loyalty).text == Self.inactive)
        #expect(try service.introspect(jwt, as: Self.loyalty).json["active"] as? Bool == true)
    }

    @Test func callsRubbishInactive() async throws {
        let service = try await service()
        let jwt = try token(service, of: "vip-loyalty")
        let identityToken = String(decoding: try ModelToken.fresh(), as: UTF8.self)
        let rubbish = [
            "", "x", "%00", "%FF%FE", "%", "..", "csx_", "csx_" + String(repeating: "A", count: 43),
            "csx_" + String(repeating: "A", count: 42), String(repeating: ".", count: 30_000), jwt + "A",
            String(jwt.dropLast()), jwt + ".", identityToken,
            String(repeating: "a", count: 8192), String(repeating: "a", count: 8193),
        ]
        for text in rubbish {
            let answer = try service.introspect(text, as: Self.loyalty)
            #expect(answer.status == 200 && answer.text == Self.inactive, "\(text.prefix(60))")
        }
        let hinted = try service.post(
            "/introspect", form: "token_type_hint=nonsense&token=\(jwt)&more=1", authorization: Self.loyalty.basic)
        #expect(hinted.json["active"] as? Bool == true)
    }

    @Test(arguments: ["/introspect", "/revoke"])
    func refusesRequestsThatAreNoFormWithAToken(path: String) async throws {
        let service = try await service()
        func answer(_ body: String, type: String? = "application/x-www-form-urlencoded") throws -> HTTPAnswer {
            var headers = ["Authorization": Self.loyalty.basic]
            headers["Content-Type"] = type
            return try service.connect().request("POST", path, headers: headers, body: Array(body.utf8))
        }
        for body in ["", "token_type_hint=x", "token=a&token=a", "token=a&x=1&x=2"] {
            #expect(try answer(body).errorCode == "invalid_request", "\(body)")
        }
        #expect(try answer("token=a", type: nil).errorCode == "unsupported_media_type")
        #expect(try answer(#"{"token":"a"}"#, type: "application/json").errorCode == "unsupported_media_type")
        #expect(try answer("token=a", type: "Application/X-WWW-Form-URLencoded ; charset=utf-8").status == 200)
        for (count, status) in [(32_767, 200), (32_768, 200), (32_769, 413)] {
            #expect(try answer("token=" + String(repeating: "a", count: count - 6)).status == status)
        }
        let get = try service.connect().request("GET", path, headers: ["Authorization": Self.loyalty.basic])
        #expect(get.status == 405 && get.headers["allow"] == "POST")
    }

    @Test(arguments: ["/introspect", "/revoke"])
    func doesNotTellWhatIsWrongWithCredentials(path: String) async throws {
        let service = try await service()
        let wrong = [
            nil, "Basic", "Bearer x", TestVerifier.basic("loyalty-backend", "wrong"),
            TestVerifier.basic("nobody", Self.loyalty.secret), TestVerifier.basic("loyalty-backend", Self.notes.secret),
            "Bearer loyalty-backend:wrong",
        ]
        var bodies: Set<String> = []
        for authorization in wrong {
            let answer = try service.post(path, form: "token=x", authorization: authorization)
            #expect(answer.status == 401 && answer.errorCode == "verifier_rejected")
            let isBearer = authorization?.hasPrefix("Bearer") == true
            #expect(
                answer.headers["www-authenticate"] == #"Basic realm="countersign", charset="UTF-8", Bearer"#
                    + (isBearer ? #" error="invalid_token""# : ""))
            bodies.insert(answer.text.replacing(answer.headers["x-request-id"] ?? "?", with: ""))
        }
        #expect(bodies.count == 1, "they all look the same")
        let bearer = "Bearer \(Self.loyalty.id):\(Self.loyalty.secret)"
        #expect(try service.post(path, form: "token=x", authorization: bearer).status == 200)
    }

    @Test func revokesATokenForGood() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        let identityToken = try ModelToken.fresh()
        let jwt = try #require(try service.exchange(identityToken).externalIdentity)
        #expect(try service.revoke(jwt, as: Self.loyalty).status == 200)
        #expect(try service.introspect(jwt, as: Self.loyalty).text == Self.inactive)
        #expect(try service.session(jwt).status == 401)
        #expect(try service.revoke(jwt, as: Self.loyalty).status == 200, "again")
        let next = try #require(try service.exchange(identityToken).externalIdentity)
        #expect(next != jwt, "never the dead token")
        #expect(try service.introspect(next, as: Self.loyalty).json["active"] as? Bool == true)
        let opaque = try token(service, of: "notes")
        #expect(try service.revoke(opaque, as: Self.admin).status == 200)
        #expect(try service.introspect(opaque, as: Self.notes).text == Self.inactive)
    }

    @Test func revokesOnlyWhatAVerifierMay() async throws {
        let service = try await service()
        let (jwt, opaque) = (try token(service, of: "vip-loyalty"), try token(service, of: "notes"))
        let refused = try service.revoke(opaque, as: Self.notes)
        #expect(refused.status == 403 && refused.errorCode == "revocation_not_allowed")
        #expect(try service.revoke(opaque, as: Self.loyalty).status == 200, "not its provider's: nothing happens")
        #expect(try service.introspect(opaque, as: Self.notes).json["active"] as? Bool == true)
        for unknown in ["", "rubbish", "csx_" + String(repeating: "A", count: 43), jwt + "A"] {
            let answer = try service.revoke(unknown, as: Self.loyalty)
            #expect(answer.status == 200 && answer.body.isEmpty && answer.headers["cache-control"] == "no-store")
        }
        #expect(try service.introspect(jwt, as: Self.loyalty).json["active"] as? Bool == true)
        #expect(try service.revoke(jwt, as: Self.admin).status == 200, "all: also what it may not see")
        #expect(try service.introspect(jwt, as: Self.loyalty).text == Self.inactive)
    }

    @Test func saysSoWhileTheStoreCannotBeAsked() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        let strict = try token(service, of: "vip-loyalty")
        let (easy, opaque) = (try token(service, of: "easy"), try token(service, of: "notes"))
        redis.kill()
        for (identity, verifier) in [(strict, Self.loyalty), (opaque, Self.notes)] {
            let answer = try service.introspect(identity, as: verifier)
            #expect(answer.status == 503 && answer.errorCode == "session_store_unavailable")
            #expect(answer.headers["retry-after"] == "1" && !answer.text.contains("active"))
        }
        let unconfirmed = try service.introspect(easy, as: Self.loyalty)
        #expect(unconfirmed.status == 200 && unconfirmed.json["active"] as? Bool == true)
        #expect(unconfirmed.json["session"] as? String == "unconfirmed")
        #expect(unconfirmed.json["email"] as? String == "jane.operator@example.com")
        #expect(try service.introspect(easy, as: Self.notes).text == Self.inactive, "not its provider's")
        #expect(try service.introspect("rubbish", as: Self.loyalty).text == Self.inactive)
        for identity in [strict, easy] {
            #expect(try service.revoke(identity, as: Self.loyalty).errorCode == "session_store_unavailable")
        }
        #expect(try service.revoke("rubbish", as: Self.loyalty).status == 200)
    }

    @Test func revokesWhatWasNotWrittenYet() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        redis.kill()
        let identityToken = try ModelToken.fresh()
        let easy = try #require(try service.exchange(identityToken, provider: "easy").externalIdentity)
        try await redis.restart()
        try await eventually("the revocation is recorded") {
            try service.revoke(easy, as: Self.loyalty).status == 200
        }
        try await eventually("the queue is empty") {
            try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
                .contains("countersign_deferred_sessions 0.0")
        }
        #expect(try service.introspect(easy, as: Self.loyalty).text == Self.inactive)
    }

    @Test func keepsTokensAndSecretsOutOfItsLog() async throws {
        let service = try await service()
        let jwt = try token(service, of: "vip-loyalty")
        for authorization in [
            Self.loyalty.basic, TestVerifier.basic("MARKERID", "MARKERSECRET"), "Bearer MARKERTOKEN:x",
        ] {
            _ = try service.post("/introspect", form: "token=\(jwt)&MARKERFIELD=1", authorization: authorization)
            _ = try service.post("/revoke", form: "token=\(jwt)", authorization: authorization)
        }
        _ = try service.post("/token", form: "grant_type=MARKERGRANT&subject_token=MARKERTOKEN&audience=MARKERAUDIENCE")
        #expect(service.log.contains(#""verifier":"loyalty-backend""#))
        for piece in [String(jwt.suffix(24)), Self.loyalty.secret, String(Self.loyalty.basic.suffix(16)), "MARKER"] {
            #expect(!service.log.contains(piece), "\(piece)")
        }
    }
}
