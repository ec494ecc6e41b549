import Foundation
import TestSupport
import Testing
import TokenExchange

/// `POST /token` (RFC 8693): the callback's exchange as standard clients ask for it.
@Suite struct TokenEndpointTests {
    private typealias Settings = CountersignProcess.Settings
    private static let type = "urn:ietf:params:oauth:token-type:"

    private func service(_ redis: RedisServer? = nil, isDefault: Bool = true) async throws -> CountersignProcess {
        var settings = Settings()
        if let redis { settings.sessions = Settings.redis(redis, commandTimeout: "200ms") }
        settings.providers =
            Settings.provider("vip-loyalty")
            + Settings.provider("easy", mode: "optional")
            + Settings.provider("notes", mode: "optional", token: "kind: opaque")
            + Settings.provider(
                "small", mode: "optional", token: "maximum_bytes: 430, claims: { email: { from: email } }")
        settings.defaultProvider = isDefault ? "vip-loyalty" : nil
        return try await CountersignProcess.start(settings)
    }

    /// A good request but for `changes`; nil leaves a field out.
    private func exchange(
        _ service: CountersignProcess, _ changes: [String: String?] = [:], more: String = "", token: [UInt8]? = nil
    ) throws -> HTTPAnswer {
        var fields: [String: String?] = [
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": String(decoding: try token ?? ModelToken.fresh(), as: UTF8.self),
            "subject_token_type": Self.type + "jwt",
        ]
        fields.merge(changes) { $1 }
        let form = fields.compactMap { name, value in value.map { "\(name)=\($0)" } }.joined(separator: "&")
        return try service.post("/token", form: form + more)
    }

    @Test func exchangesAToken() async throws {
        let service = try await service()
        let token = try ModelToken.fresh()
        for type in ["jwt", "access_token", "id_token"] {
            let answer = try exchange(service, ["subject_token_type": Self.type + type], token: token)
            #expect(answer.status == 200)
            #expect(Set(answer.json.keys) == ["access_token", "issued_token_type", "token_type", "expires_in"])
            #expect(answer.json["token_type"] as? String == "Bearer")
            #expect(answer.json["issued_token_type"] as? String == Self.type + "jwt")
            #expect((3 * 3600 - 60...3 * 3600).contains(answer.json["expires_in"] as? Int ?? 0))
            #expect(answer.headers["cache-control"] == "no-store" && answer.headers["pragma"] == "no-cache")
            #expect(try service.session(answer.json["access_token"] as? String ?? "").status == 200)
        }
    }

    @Test func answersLikeTheCallbackForTheSameDevice() async throws {
        let service = try await service()
        let token = try ModelToken.fresh()
        let callback = try #require(try service.exchange(token, device: "Till 1 ü").externalIdentity)
        func identity(_ device: String?) throws -> String? {
            try exchange(service, ["device_id": device, "audience": "vip-loyalty"], token: token).json["access_token"]
                as? String
        }
        #expect(try identity("Till+1%20%C3%BC") == callback)
        let (other, none) = (try identity("till-2"), try identity(nil))
        #expect(other != nil && none != nil && Set([callback, other, none]).count == 3)
        #expect(try identity("") == none)
    }

    @Test func namesTheTypeOfWhatItIssues() async throws {
        let service = try await service()
        func issued(_ provider: String, _ requested: String?) throws -> String? {
            let answer = try exchange(
                service, ["audience": provider, "requested_token_type": requested.map { Self.type + $0 }])
            #expect((answer.status == 200) == (answer.json["error"] == nil))
            return (answer.json["issued_token_type"] ?? answer.json["error"]) as? String
        }
        #expect(try issued("notes", nil) == Self.type + "access_token")
        #expect(try issued("notes", "access_token") == Self.type + "access_token")
        #expect(try issued("notes", "jwt") == "invalid_request")
        #expect(try issued("vip-loyalty", "access_token") == Self.type + "access_token")
        #expect(try issued("vip-loyalty", "jwt") == Self.type + "jwt")
        for other in ["refresh_token", "id_token", "saml2", ""] where !other.isEmpty {
            #expect(try issued("vip-loyalty", other) == "invalid_request")
        }
    }

    @Test func refusesInTheWordsOfOAuth() async throws {
        let service = try await service()
        let cases: [([String: String?], String, String)] = [
            (["grant_type": nil], "invalid_request", "invalid_request"),
            (["grant_type": ""], "invalid_request", "invalid_request"),
            (["grant_type": "password"], "unsupported_grant_type", "invalid_request"),
            (["subject_token": nil], "invalid_request", "invalid_request"),
            (["subject_token": ""], "invalid_request", "invalid_request"),
            (["subject_token_type": nil], "invalid_request", "invalid_request"),
            (["subject_token_type": Self.type + "saml2"], "invalid_request", "invalid_request"),
            (["actor_token": "x"], "invalid_request", "invalid_request"),
            (["actor_token_type": Self.type + "jwt"], "invalid_request", "invalid_request"),
            (["scope": "openid"], "invalid_scope", "invalid_request"),
            (["resource": "https://x.example"], "invalid_target", "invalid_request"),
            (["audience": "nobody"], "invalid_target", "identity_provider_unknown"),
            (["device_id": "a%00b"], "invalid_request", "invalid_request"),
            (["device_id": "%FF"], "invalid_request", "invalid_request"),
            (["subject_token": "rubbish"], "invalid_request", "token_rejected"),
            (["subject_token": "%00"], "invalid_request", "token_rejected"),
        ]
        for (changes, error, code) in cases {
            let answer = try exchange(service, changes)
            #expect(answer.status == 400 && answer.json["error"] as? String == error, "\(changes)")
            #expect(answer.errorCode == code, "\(changes)")
            #expect(Set(answer.json.keys) == ["error", "error_description", "error_code", "request_id"])
            #expect(
                answer.headers["content-type"] == "application/json" && answer.headers["cache-control"] == "no-store")
            #expect(answer.json["request_id"] as? String == answer.headers["x-request-id"])
            let description = answer.json["error_description"] as? String ?? ""
            // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
            #expect(
                !description.isEmpty && description.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != 0x22 && $0 != 0x5C })
        }
        let expired = try ModelToken.current.claim("exp", .number(literal: "1000")).signed(by: TestKeys.rs256)
        #expect(try exchange(service, token: expired).errorCode == "token_expired")
        #expect(try exchange(service, ["scope": "", "client_id": "x", "actor_token": ""]).status == 200)
    }

    /// RFC 8693 §2.1 lets these two come more than once; we have one target for a token.
    @Test func takesSeveralTargetsForAnInvalidOneAndOtherFieldsTwiceForAnInvalidRequest() async throws {
        let service = try await service()
        for (more, error) in [
            ("&audience=notes&audience=notes", "invalid_target"), ("&audience=notes&audience=easy", "invalid_target"),
            ("&audience=notes&audience=nobody", "invalid_target"), ("&audience=nobody", "invalid_target"),
            ("&%61udience=notes&audience=notes", "invalid_target"),
            ("&resource=a&resource=b", "invalid_target"), ("&resource=a&audience=notes", "invalid_target"),
            ("&scope=&scope=", "invalid_request"), ("&audience=notes&x=1&x=2", "invalid_request"),
            ("&audience=notes&audience=easy&grant_type=x", "invalid_request"), ("&subject_token=x", "invalid_request"),
            (String(repeating: "&audience=notes", count: 29), "invalid_target"),
            (String(repeating: "&audience=notes", count: 30), "invalid_request"),
        ] {
            let answer = try exchange(service, more: more)
            #expect(answer.status == 400 && answer.json["error"] as? String == error, "\(more)")
        }
        #expect(try exchange(service, more: "&audience=&audience=notes&resource=&resource=").status == 200)
    }

    @Test func keepsTheStatusOfWhatIsNoMatterOfTokens() async throws {
        let service = try await service()
        let json = try service.connect().request(
            "POST", "/token", headers: ["Content-Type": "application/json"], body: Array("{}".utf8))
        #expect(json.status == 415 && json.json["error"] as? String == "invalid_request")
        let get = try service.connect().request("GET", "/token")
        #expect(
            get.status == 405 && get.headers["allow"] == "POST" && get.json["error"] as? String == "invalid_request")
        for (count, status) in [(32_767, 400), (32_768, 400), (32_769, 413)] {
            #expect(try service.post("/token", form: String(repeating: "a", count: count)).status == status)
        }
    }

    @Test func asksForAnAudienceWhereThereIsNoDefault() async throws {
        let service = try await service(isDefault: false)
        #expect(try exchange(service).json["error"] as? String == "invalid_target")
        #expect(try exchange(service, ["audience": "easy"]).status == 200)
    }

    @Test func failsWhereItHasNoTokenAlsoInOptionalMode() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        let small = try exchange(service, ["audience": "small"])
        #expect(small.status == 500 && small.json["error"] as? String == "server_error")
        redis.kill()
        for provider in ["vip-loyalty", "notes"] {
            let answer = try exchange(service, ["audience": provider])
            #expect(answer.status == 503 && answer.json["error"] as? String == "temporarily_unavailable")
            #expect(answer.errorCode == "session_store_unavailable" && answer.headers["retry-after"] == "1")
        }
        let easy = try exchange(service, ["audience": "easy"])
        #expect(easy.status == 200 && easy.headers["countersign-degraded"] == "session_store_unavailable")
        #expect(easy.json["access_token"] is String)
    }

    @Test func describesItselfToClients() async throws {
        var settings = Settings()
        settings.publicURL = "https://identity.acme.example/login"
        let service = try await CountersignProcess.start(settings)
        for path in ["", "/login"] {
            let answer = try service.connect().request("GET", "/.well-known/oauth-authorization-server" + path)
            #expect(answer.headers["cache-control"] == "public, max-age=600")
            #expect(answer.json["issuer"] as? String == settings.publicURL)
            #expect(answer.json["token_endpoint"] as? String == settings.publicURL + "/token")
            #expect((answer.json["response_types_supported"] as? [String])?.isEmpty == true)
        }
        #expect(try service.connect().request("GET", "/.well-known/oauth-authorization-server/x").status == 404)
    }
}
