import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// The two endpoints that exchange an identity token: the callback and `/token`.
@Suite struct LoginRouteTests {
    private static let degraded = HTTPField.Name("Countersign-Degraded")!
    private static let grant = "urn:ietf:params:oauth:grant-type:token-exchange"
    private static let jwt = "urn:ietf:params:oauth:token-type:jwt"
    private static let accessToken = "urn:ietf:params:oauth:token-type:access_token"

    private func token(_ bench: RoutesBench) throws -> String {
        String(decoding: try bench.exchange.token.signed(by: TestKeys.rs256), as: UTF8.self)
    }

    private func callback(
        _ bench: RoutesBench, _ body: String? = nil, path: String = "/post_login_callback/vip-loyalty"
    ) async throws -> Reply {
        let body = try body ?? #"{"identity":"\#(token(bench))"}"#
        return try await bench.answer(.post, path, [.contentType: "application/json"], Array(body.utf8)).0
    }

    private func form(_ bench: RoutesBench, _ change: [String: String?] = [:]) throws -> String {
        var fields = [
            "grant_type": Self.grant, "subject_token": try token(bench), "subject_token_type": Self.jwt,
        ]
        for (name, value) in change { fields[name] = value }
        return fields.map { "\($0)=\($1)" }.sorted().joined(separator: "&")
    }

    private func exchange(_ bench: RoutesBench, _ form: String) async throws -> Reply {
        try await bench.answer(
            .post, "/token", [.contentType: "application/x-www-form-urlencoded"], Array(form.utf8)
        ).0
    }

    private func json(_ reply: Reply) throws -> JSONValue { try JSONValue(parsing: reply.body) }

    // MARK: Callback

    @Test func answersWithTheExternalIdentityAndNothingElse() async throws {
        let bench = RoutesBench()
        let reply = try await callback(bench)
        #expect(reply.status == .ok && reply.headers[.contentType] == "application/json")
        #expect(reply.headers[.cacheControl] == "no-store" && reply.headers[Self.degraded] == nil)
        guard case .object(let members) = try json(reply) else { return }
        #expect(members.map(\.name) == ["external_identity"])
        #expect(try await callback(bench).body == reply.body, "the same again for a retry")
    }

    /// Both spellings of NewStore's pages, and the ways to name no device.
    @Test(arguments: [
        #""deviceId":"till","identity":"TOKEN""#, #""device_id":"till","identity":"Bearer TOKEN""#,
        #""deviceId":"till","device_id":"till","identity":"bEARER TOKEN""#,
        #""deviceId":null,"device_id":"till","identity":"TOKEN","more":[{}]"#,
    ])
    func acceptsBothSpellings(members: String) async throws {
        let bench = RoutesBench()
        let body = "{\(members.replacing("TOKEN", with: try token(bench)))}"
        let reply = try await callback(bench, body)
        #expect(reply.status == .ok)
        let plain = try await callback(bench, #"{"deviceId":"till","identity":"\#(token(bench))"}"#)
        #expect(plain.body == reply.body, "the same login")
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"identity":7}"#, #"{"identity":""}"#, #"{"identity":"Bearer "}"#,
        #"{"identity":"x","identity":"x"}"#, #"{"identity":"x","more":{"a":1,"a":1}}"#,
        #"{"identity":"x","deviceId":"a","device_id":"b"}"#, #"{"identity":"x","deviceId":7}"#,
        "{\"identity\":\"x\"} x",
    ])
    func refusesABodyOfAnotherForm(body: String) async throws {
        let reply = try await callback(RoutesBench(), body)
        #expect(reply.status == .badRequest)
        #expect(try json(reply)["error_code"] == .string("invalid_request"))
    }

    /// One provider alone needs no name; two do.
    @Test func servesTheOnlyProviderWithoutAName() async throws {
        #expect(try await callback(RoutesBench(), path: "/post_login_callback").status == .ok)
        let two = RoutesBench(ExchangeBench(providers: [.vipLoyalty(), .vipLoyalty(name: "notes")]))
        let reply = try await callback(two, path: "/post_login_callback")
        #expect(reply.status == .notFound)
        #expect(try json(reply)["error_code"] == .string("identity_provider_unknown"))
    }

    /// Unicode would make one character of the slash and the accent after it.
    @Test func readsAPathByItsBytes() async throws {
        let reply = try await callback(RoutesBench(), path: "/post_login_callback/\u{301}x")
        #expect(try json(reply)["error_code"] == .string("identity_provider_unknown"))
    }

    @Test(arguments: [FailureMode.strict, .optional])
    func answersAFailureOfTheStoreByTheProvidersMode(mode: FailureMode) async throws {
        for kind in [TokenRecipe.Kind?.none, .opaque] {
            let clock = ManualClock()
            let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
            store.fail(with: .timedOut)
            let bench = RoutesBench(
                ExchangeBench(providers: [.vipLoyalty(mode: mode, kind: kind)], clock: clock, store: store))
            let reply = try await callback(bench)
            if mode == .strict {
                #expect(reply.status == .serviceUnavailable && reply.headers[.retryAfter] == "1")
                #expect(reply.headers[.contentType] == "application/problem+json")
            } else {
                #expect(reply.status == .ok && reply.headers[Self.degraded] == "session_store_unavailable")
                let isNull = try json(reply)["external_identity"] == .null
                #expect(isNull == (kind != nil), "a JWT is good without its session")
            }
        }
    }

    // MARK: /token

    @Test func answersATokenExchange() async throws {
        let bench = RoutesBench()
        let reply = try await exchange(bench, try form(bench))
        #expect(reply.status == .ok && reply.headers[.cacheControl] == "no-store")
        #expect(reply.headers[HTTPField.Name("Pragma")!] == "no-cache")
        let json = try json(reply)
        #expect(json["issued_token_type"] == .string(ExactText(Self.jwt)) && json["token_type"] == .string("Bearer"))
        #expect(json["expires_in"] == .number(literal: "10800"))
        let callback = try self.json(try await callback(bench))
        #expect(callback["external_identity"] == json["access_token"], "the same login")
    }

    @Test func callsAnOpaqueTokenAnAccessToken() async throws {
        let bench = RoutesBench(ExchangeBench(providers: [.vipLoyalty(kind: .opaque)]))
        let reply = try await exchange(bench, try form(bench))
        #expect(try json(reply)["issued_token_type"] == .string(ExactText(Self.accessToken)))
        #expect(try await exchange(bench, try form(bench, ["requested_token_type": Self.jwt])).status == .badRequest)
    }

    @Test(
        arguments: [
            ("grant_type", nil, "invalid_request"), ("grant_type", "password", "unsupported_grant_type"),
            ("subject_token", nil, "invalid_request"), ("subject_token", "x", "invalid_request"),
            ("subject_token_type", nil, "invalid_request"), ("subject_token_type", "saml2", "invalid_request"),
            ("actor_token", "x", "invalid_request"), ("actor_token_type", jwt, "invalid_request"),
            ("scope", "all", "invalid_scope"), ("resource", "https://x.example", "invalid_target"),
            ("audience", "nobody", "invalid_target"),
            ("audience", "vip-loyalty&audience=vip-loyalty", "invalid_target"),
            ("device_id", "%00", "invalid_request"), ("device_id", "%FF", "invalid_request"),
            ("requested_token_type", "saml2", "invalid_request"), ("scope", "a&scope=b", "invalid_request"),
        ] as [(String, String?, String)])
    func refusesAFormThatAsksForSomethingElse(field: String, value: String?, error: String) async throws {
        let bench = RoutesBench()
        let reply = try await exchange(bench, try form(bench, [field: value]))
        #expect(reply.status == .badRequest && reply.headers[.contentType] == "application/json")
        #expect(try json(reply)["error"] == .string(ExactText(error)))
        #expect(try json(reply)["request_id"] == .string("test") && reply.headers[.wwwAuthenticate] == nil)
    }

    @Test(arguments: [
        ("subject_token_type", accessToken), ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("requested_token_type", accessToken), ("requested_token_type", jwt), ("client_id", "anybody"),
        ("scope", ""), ("audience", "vip-loyalty"), ("device_id", "till-1"),
    ])
    func acceptsEverythingThatItCanGive(field: String, value: String) async throws {
        let bench = RoutesBench()
        #expect(try await exchange(bench, try form(bench, [field: value])).status == .ok)
    }

    /// There is no answer without a token here.
    @Test func failsForAnOptionalProviderWhoseTokenNeedsTheStore() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: .timedOut)
        for (kind, status) in [(TokenRecipe.Kind?.none, 200), (.opaque, 503)] {
            let bench = RoutesBench(
                ExchangeBench(providers: [.vipLoyalty(mode: .optional, kind: kind)], clock: clock, store: store))
            let reply = try await exchange(bench, try form(bench))
            #expect(reply.status.code == status)
            #expect((reply.headers[Self.degraded] == nil) == (status == 503))
            if status == 503 { #expect(try json(reply)["error"] == .string("temporarily_unavailable")) }
        }
    }
}
