import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// The endpoints that answer for an external identity: `/session`, `/introspect`, `/revoke`.
@Suite struct SessionRouteTests {
    private static let origin = "https://loyalty.acme.example"
    private static let basic = TestVerifier.basic("asker", RoutesBench.secret)

    private func login(_ bench: RoutesBench) async throws -> String {
        let outcome = try await bench.exchange.exchange(bench.exchange.token)
        return String(decoding: try #require(outcome.externalIdentity).bytes, as: UTF8.self)
    }

    private func session(
        _ bench: RoutesBench, _ token: String, origin: String? = nil
    ) async throws -> Reply {
        var headers: HTTPFields = [.authorization: "Bearer \(token)"]
        headers[.origin] = origin
        return try await bench.answer(.get, "/session", headers).0
    }

    private func introspect(_ bench: RoutesBench, _ token: String) async throws -> Reply {
        try await bench.answer(
            .post, "/introspect", [.contentType: "application/x-www-form-urlencoded", .authorization: Self.basic],
            Array("token=\(token)".utf8)
        ).0
    }

    private func names(_ reply: Reply) throws -> [ExactText] {
        guard case .object(let members) = try JSONValue(parsing: reply.body) else { return [] }
        return members.map(\.name)
    }

    // MARK: /session

    @Test func tellsAPageWhoseSessionItIs() async throws {
        let bench = RoutesBench()
        let reply = try await session(bench, try await login(bench))
        #expect(reply.status == .ok && reply.headers[.cacheControl] == "no-store")
        #expect(try names(reply) == ["active", "identity_provider", "tenant", "sub", "exp", "request_id"])
        let json = try JSONValue(parsing: reply.body)
        #expect(json["identity_provider"] == .string("vip-loyalty") && json["tenant"] == .string("acme-staging"))
        #expect(json["exp"] == .number(literal: String(ManualClock.start.wholeSeconds + 3 * 3600)))
    }

    @Test func letsOnlyPagesOfTheTokensOwnProviderReadTheAnswer() async throws {
        let bench = RoutesBench()
        let token = try await login(bench)
        for (origin, allowed) in [
            (Self.origin, Self.origin), ("https://evil.example", nil), ("https://LOYALTY.acme.example", nil),
            (nil, nil),
        ] {
            let reply = try await session(bench, token, origin: origin)
            #expect(reply.status == .ok && reply.headers[.vary] == "Origin")
            #expect(reply.headers[.accessControlAllowOrigin] == allowed)
        }
        let refused = try await session(bench, "x", origin: Self.origin)
        #expect(refused.status == .unauthorized && refused.headers[.accessControlAllowOrigin] == Self.origin)
    }

    @Test func answersAPreflight() async throws {
        for (origin, isAllowed) in [(Self.origin, true), ("https://evil.example", false)] {
            let reply = try await RoutesBench().answer(.options, "/session", [.origin: origin]).0
            #expect(reply.status == .noContent && reply.headers[.vary] == "Origin")
            #expect(reply.headers[.accessControlAllowOrigin] == (isAllowed ? origin : nil))
            #expect(reply.headers[.accessControlAllowMethods] == (isAllowed ? "GET" : nil))
            #expect(reply.headers[.accessControlAllowHeaders] == (isAllowed ? "Authorization" : nil))
        }
    }

    // MARK: /introspect and /revoke

    @Test(arguments: [TokenRecipe.Kind?.none, .opaque])
    func tellsAVerifierTheClaimsOfAToken(kind: TokenRecipe.Kind?) async throws {
        let bench = RoutesBench(ExchangeBench(providers: [.vipLoyalty(kind: kind)]))
        let reply = try await introspect(bench, try await login(bench))
        #expect(reply.status == .ok && reply.headers[.cacheControl] == "no-store")
        #expect(
            Set(try names(reply)) == [
                "active", "iss", "sub", "aud", "exp", "iat", "jti", "identity_provider", "tenant", "email",
            ])
        let json = try JSONValue(parsing: reply.body)
        #expect(json["active"] == .bool(true) && json["iss"] == .string(ExactText(ExchangeBench.publicURL)))
        #expect(json["email"] == .string("jane.operator@example.com"))
    }

    @Test func tellsNothingOfATokenThatIsNotGood() async throws {
        let bench = RoutesBench(ExchangeBench(providers: [.vipLoyalty(name: "another")]))
        for token in ["", "x", "csx_\(String(repeating: "A", count: 43))", try await login(bench)] {
            let reply = try await introspect(bench, token)
            #expect(reply.status == .ok && reply.body == Array(#"{"active":false}"#.utf8), "\(token)")
        }
    }

    @Test(arguments: [FailureMode.strict, .optional])
    func neverCallsATokenInactiveBecauseTheStoreIsDown(mode: FailureMode) async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = RoutesBench(ExchangeBench(providers: [.vipLoyalty(mode: mode)], clock: clock, store: store))
        let token = try await login(bench)
        store.fail(with: .timedOut)
        for reply in [try await introspect(bench, token), try await session(bench, token)] {
            if mode == .strict {
                #expect(reply.status == .serviceUnavailable && reply.headers[.retryAfter] == "1")
            } else {
                let json = try JSONValue(parsing: reply.body)
                #expect(json["active"] == .bool(true) && json["session"] == .string("unconfirmed"))
            }
        }
        #expect(try await introspect(bench, "x").body == Array(#"{"active":false}"#.utf8), "it cannot be ours")
    }

    @Test func revokesNothingForAVerifierThatMayNot() async throws {
        let bench = RoutesBench()
        let token = try await login(bench)
        let (reply, problem) = try await bench.answer(
            .post, "/revoke", [.contentType: "application/x-www-form-urlencoded", .authorization: Self.basic],
            Array("token=\(token)".utf8))
        #expect(reply.status == .forbidden && problem?.code == .revocationNotAllowed)
        #expect(try await session(bench, token).status == .ok)
    }
}

/// The endpoints of the operations listener, and the documents of the public one.
@Suite struct OperationsRouteTests {
    private func text(_ reply: Reply) -> String { String(decoding: reply.body, as: UTF8.self) }

    @Test func saysThatTheProcessIsAlive() async throws {
        let reply = try await RoutesBench().answer(.get, "/livez").0
        #expect(reply.status == .ok && text(reply) == #"{"status":"alive"}"#)
    }

    @Test func writesMetricsAsPrometheusText() async throws {
        let reply = try await RoutesBench().answer(.get, "/metrics").0
        #expect(reply.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(reply.headers[.cacheControl] == "no-store")
    }

    @Test func isAsReadyAsTheWorstComponent() {
        func status(_ statuses: Readiness.Status...) -> Readiness.Status {
            Readiness(components: statuses.map { .init(name: "x", status: $0) }).status
        }
        #expect(status() == .ready && status(.ready, .ready) == .ready)
        #expect(status(.ready, .degraded) == .degraded)
        #expect(status(.degraded, .unavailable, .ready) == .unavailable)
        #expect(Readiness.draining.status == .draining)
    }

    @Test func describesTheEndpointsToOAuthClients() async throws {
        let reply = try await RoutesBench().answer(.get, "/.well-known/oauth-authorization-server").0
        let json = try JSONValue(parsing: reply.body)
        let endpoints =
            [
                ("issuer", ""), ("token_endpoint", "/token"), ("jwks_uri", "/.well-known/jwks.json"),
                ("introspection_endpoint", "/introspect"), ("revocation_endpoint", "/revoke"),
            ] as [(ExactText, String)]
        for (name, path) in endpoints {
            #expect(json[name] == .string(ExactText(ExchangeBench.publicURL + path)))
        }
        #expect(json["grant_types_supported"] == .array([.string("urn:ietf:params:oauth:grant-type:token-exchange")]))
    }
}
