import CountersignHTTP
import HTTPTypes
import TestSupport
import Testing
import TokenExchange

/// Every code of the contract, each made to happen by a request, and the guard that none is missing.
@Suite struct ErrorCodeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let code: ErrorCode
        let status: Int
        var mode = FailureMode.strict
        var rules = TenantRules()
        var provider = IdentityProvider.vipLoyalty()
        var cause: SessionStoreFailure.Cause?
        var keys: (any IssuerKeySource)?
        /// Of every call of the provider's own service.
        var upstreamFailure: UpstreamFailure?
        var path = "/post_login_callback/vip-loyalty"
        var method = HTTPRequest.Method.post
        var contentType = "application/json"
        var authorization: String?
        var operationsSecret: String?
        var arrivedAt = Duration.zero
        /// Whether the source has spent its allowance before.
        var isBarred = false
        var body: @Sendable (ModelToken) throws -> [UInt8] = { try Self.body($0) }

        var testDescription: String { code.rawValue }

        static func body(_ token: ModelToken) throws -> [UInt8] {
            Array(#"{"identity":""#.utf8) + (try token.signed(by: TestKeys.rs256)) + Array(#""}"#.utf8)
        }

        static func claim(_ name: ExactText, _ value: JSONValue?) -> @Sendable (ModelToken) throws -> [UInt8] {
            { try body($0.claim(name, value)) }
        }
    }

    private struct AbsentKeys: IssuerKeySource {
        func verifiers(
            for query: IssuerKeyQuery
        ) async throws(IssuerKeysFailure) -> [any TokenVerifier] {
            throw .unavailable(cause: "never fetched")
        }
    }

    private static let tiny = TokenRecipe.Kind.jwt(.init(algorithm: .es256, audience: "x", maximumBytes: 10))
    private static func second(_ offset: Int64) -> JSONValue {
        .number(literal: String(ManualClock.start.wholeSeconds + offset))
    }

    static let table: [Case] = [
        Case(code: .invalidRequest, status: 400, body: { _ in Array("{".utf8) }),
        Case(code: .tokenRejected, status: 401, body: Case.claim("iss", .string("https://evil.example"))),
        Case(code: .tokenExpired, status: 401, body: Case.claim("exp", second(-31))),
        Case(code: .tokenNotYetValid, status: 401, body: Case.claim("nbf", second(31))),
        Case(code: .tokenTooOld, status: 401, body: Case.claim("iat", second(-4000))),
        Case(code: .tokenKindNotAllowed, status: 403, body: Case.claim("typ", .string("ID"))),
        Case(code: .audienceNotAllowed, status: 403, rules: TenantRules(audiences: ["x"])),
        Case(code: .partyNotAllowed, status: 403, rules: TenantRules(authorizedParties: ["x"])),
        Case(
            code: .tenantNotAllowed, status: 403,
            body: Case.claim("iss", .string("https://id.p.newstore.net/auth/realms/other"))),
        Case(
            code: .conditionNotMet, status: 403,
            provider: .vipLoyalty(conditions: [ClaimCondition(claim: ClaimPath("x"), test: .equals(.null))])),
        Case(
            code: .claimMissing, status: 403,
            provider: .vipLoyalty(claims: [
                ClaimMapping(name: "x", source: .firstOf([ClaimPath("x")]), isRequired: true)
            ])),
        Case(code: .verifierRejected, status: 401, path: "/introspect", authorization: "Bearer asker:wrong"),
        Case(
            code: .operationsSecretRejected, status: 401, path: "/metrics", authorization: "Bearer wrong",
            operationsSecret: "right"),
        Case(code: .revocationNotAllowed, status: 403, path: "/revoke", authorization: "Bearer asker:right"),
        Case(code: .identityProviderUnknown, status: 404, path: "/post_login_callback/x"),
        Case(code: .notFound, status: 404, path: "/x"),
        Case(code: .methodNotAllowed, status: 405, method: .get),
        Case(code: .bodyTooLarge, status: 413, body: { _ in [UInt8](repeating: 0x20, count: 32_769) }),
        Case(code: .unsupportedMediaType, status: 415, contentType: "text/json"),
        Case(code: .rateLimited, status: 429, isBarred: true),
        Case(code: .mintFailed, status: 500, provider: .vipLoyalty(kind: tiny)),
        Case(
            code: .upstreamRefused, status: 502, provider: .vipLoyalty(kind: .upstream),
            upstreamFailure: .refused(cause: "x")),
        Case(
            code: .upstreamUnavailable, status: 503, provider: .vipLoyalty(kind: .upstream),
            upstreamFailure: .unavailable(cause: "x")),
        Case(code: .issuerKeysUnavailable, status: 503, keys: AbsentKeys()),
        Case(code: .sessionStoreUnavailable, status: 503, cause: .timedOut),
        Case(code: .deadlineExceeded, status: 504, arrivedAt: .seconds(-4)),
    ]

    @Test func everyCodeStandsInTheTable() {
        // What is refused before a route sees it: ConnectionHandlerTests. What is shed: OverloadRouteTests.
        #expect(Set(Self.table.map(\.code)).union([.headTooLarge, .overloaded]) == Set(ErrorCode.allCases))
    }

    @Test(arguments: table)
    func answersWithTheCodeAndItsStatus(item: Case) async throws {
        let (_, problem) = try await reply(item)
        #expect(problem?.code == item.code)
        #expect(item.code.status.code == item.status)
    }

    /// Our failures (5xx) never fail an optional login, nor does the rate limit; refusals (4xx) do all the same.
    @Test(arguments: table)
    func failsAnOptionalLoginForRefusalsAlone(item: Case) async throws {
        var item = item
        item.provider = item.provider.optional
        let (reply, _) = try await reply(item)
        #expect((reply.status == .ok) == (item.status >= 500 || item.code == .rateLimited))
    }

    private func reply(_ item: Case) async throws -> (Reply, Problem?) {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: item.cause)
        let upstream = ScriptedUpstream()
        if let failure = item.upstreamFailure { upstream.answerNext(.failure(failure)) }
        let bench = RoutesBench(
            ExchangeBench(
                rules: item.rules, providers: [item.provider], clock: clock, store: store, upstream: upstream,
                keys: item.keys), operationsSecret: item.operationsSecret)
        if item.isBarred { bench.bar() }
        return try await bench.answer(
            item.method, item.path,
            [.contentType: item.contentType, .authorization: item.authorization ?? "none"],
            try item.body(bench.exchange.token), arrivedAt: item.arrivedAt)
    }
}

extension IdentityProvider {
    fileprivate var optional: IdentityProvider {
        IdentityProvider(
            name: name, tenants: tenants, mode: .optional, deadline: deadline, token: token, conditions: conditions)
    }
}
