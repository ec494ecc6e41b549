import JOSE
package import TokenExchange

/// The use cases put together as the service does it, with real keys and a store of the test's choice.
package struct ExchangeBench: Sendable {
    package let clock: ManualClock
    package let exchange: ExchangeToken
    package let introspect: IntrospectSession
    package let revoke: RevokeSession
    package let explain: ExplainToken
    package let revocations: RevocationList
    package let unreadableRecords: UnreadableRecords
    package let vault: SessionVault
    package let deferredSessions: DeferredSessions
    package let providers: [IdentityProvider]

    package static let publicURL = "https://identity.acme.example"

    package init(
        rules: TenantRules = TenantRules(), providers: [IdentityProvider] = [.vipLoyalty()],
        clock: ManualClock = ManualClock(),
        store: (any SessionStore)? = nil, revocationStore: (any RevocationStore)? = nil,
        upstream: (any UpstreamTokenSource)? = nil, records: (any SharedRecords)? = nil,
        kept: (any SharedRecords)? = nil, limits: TokenLimits = TokenLimits(),
        claimsReader: any ClaimsReader = LibJWTClaimsReader(), keys: (any IssuerKeySource)? = nil,
        otherRealmKeys: (any IssuerKeySource)? = nil, clocks: IssuerClocks = IssuerClocks(),
        shapes: TokenShapes = TokenShapes(),
        sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in await Task.yield() },
        tellUnreadable: @escaping @Sendable (UnreadableRecord) -> Void = { _ in }
    ) {
        let unreadableRecords = UnreadableRecords(tellFirst: tellUnreadable)
        let vault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: unreadableRecords)
        self.unreadableRecords = unreadableRecords
        self.vault = vault
        let memory = InMemorySessionStore(time: clock.time)
        let store = store ?? memory
        let revocations = RevocationList(
            store: revocationStore ?? memory, vault: vault, time: clock.time,
            maximumAge: revocationStore == nil ? nil : RevocationList.promise)
        self.revocations = revocations
        let tenants = [
            Tenant(
                name: "acme-staging", issuer: ExactText(ModelToken.issuer),
                keys: keys ?? IssuerKeySet([TestKeys.rs256.verifier]),
                rules: rules),
            Tenant(
                name: "other-realm", issuer: "https://id.p.newstore.net/auth/realms/other",
                keys: otherRealmKeys ?? IssuerKeySet([TestKeys.rs256.verifier]), rules: rules),
        ]
        self.clock = clock
        self.providers = providers
        deferredSessions = DeferredSessions(store: store, time: clock.time, sleep: sleep)
        let verify = VerifyIdentityToken(
            tenants: tenants, providers: providers, claimsReader: claimsReader, limits: limits, clocks: clocks,
            shapes: shapes)
        let mint = MintExternalIdentity(
            issuer: ExactText(Self.publicURL), keys: TestKeys.ring, randomBytes: OpenSSLRecordSealer().randomBytes)
        exchange = ExchangeToken(
            verify: verify,
            mint: MintedExchange(
                mint: mint, vault: vault, store: store, deferredSessions: deferredSessions, revocations: revocations,
                time: clock.time),
            fetch: UpstreamExchange(
                obtain: ObtainUpstreamToken(
                    source: upstream ?? NoUpstream(), records: kept ?? InMemorySharedRecords(time: clock.time),
                    vault: UpstreamVault(
                        sealer: OpenSSLRecordSealer(), secret: Array("one secret for all replicas".utf8)),
                    time: clock.time,
                    // Deadlines go by the manual clock; real ones would run out beside hundreds of other tests.
                    sleep: { try await Task.sleep(for: $0 < .seconds(1) ? $0 : $0 * 20) }),
                mint: mint, vault: vault, store: store, answers: records ?? InMemorySharedRecords(time: clock.time),
                revocations: revocations, time: clock.time),
            time: clock.time)
        explain = ExplainToken(verify: verify, mint: mint, tenants: tenants, limits: limits)
        revoke = RevokeSession(
            issuer: ExactText(Self.publicURL), providers: providers, vault: vault, store: store,
            keys: TestKeys.ring,
            claimsReader: claimsReader, time: clock.time)
        introspect = IntrospectSession(
            issuer: ExactText(Self.publicURL), providers: providers, vault: vault, store: store,
            deferredSessions: deferredSessions, revocations: revocations, keys: TestKeys.ring,
            claimsReader: claimsReader, time: clock.time)
    }

    /// Where the session of a JWT lies.
    package func sessionKey(of identity: ExternalIdentity) throws -> RecordKey {
        let tokenID = try UnverifiedToken(identity.bytes, limits: TokenLimits()).claims.string("jti") ?? ""
        guard let bytes = Base64URL.decode(tokenID.bytes.prefix(4)) else { throw JSONError.malformed }
        return vault.sessionKey(of: identity, in: Partition(digest: bytes))
    }

    /// The model token, issued now.
    package var token: ModelToken { ModelToken(issuedAt: clock.now, keyID: TestKeys.rs256.keyID) }

    package func exchange(_ token: ModelToken, device: ExactText = "") async throws -> ExchangeOutcome {
        await exchange(try token.signed(by: TestKeys.rs256), device: device)
    }

    package func exchange(
        _ bytes: [UInt8], device: ExactText = "", provider: Int = 0
    ) async -> ExchangeOutcome {
        await exchange(
            ExchangeRequest(
                identityToken: IdentityToken(bytes: bytes), device: device, provider: providers[provider],
                arrivedAt: clock.time.elapsed()))
    }
}

/// For benches without an internal service.
private struct NoUpstream: UpstreamTokenSource {
    func token(for request: UpstreamRequest, within budget: Duration) async throws(UpstreamFailure) -> UpstreamToken {
        throw .unavailable(cause: "there is none")
    }
}

extension IdentityProvider {
    package static func vipLoyalty(
        name: ExactText = "vip-loyalty", mode: FailureMode = .strict, kind: TokenRecipe.Kind? = nil,
        deadline: Duration = .seconds(3), claims: [ClaimMapping] = [.email], conditions: [ClaimCondition] = [],
        requestsInProgress: Int? = nil
    ) -> IdentityProvider {
        let jwt = TokenRecipe.JWTShape(algorithm: .es256, audience: name, maximumBytes: 1024)
        return IdentityProvider(
            name: name, tenants: ["acme-staging"], mode: mode, deadline: deadline,
            token: TokenRecipe(kind: kind ?? .jwt(jwt), lifetime: .seconds(3 * 3600), claims: claims),
            conditions: conditions, webviewOrigins: ["https://loyalty.acme.example"],
            requestsInProgress: requestsInProgress)
    }
}

extension TokenRecipe.Kind {
    /// A service whose calls are as short as can be; nobody is behind its URL.
    package static let upstream = internalService()

    package static func internalService(deviceLimit: Int = 32) -> Self {
        .upstream(
            UpstreamRecipe(
                endpoint: UpstreamEndpoint(url: "https://points.acme.example/tokens", tokenAt: JSONPointer("/token")!),
                transport: UpstreamTransport(),
                body: [
                    UpstreamField(
                        name: "email",
                        source: .claim(
                            ClaimMapping(name: "email", source: .firstOf([ClaimPath("email")]), isRequired: true)))
                ], deviceLimit: deviceLimit))
    }
}

extension Verifier {
    /// May end any session, and see none.
    package static let admin = Verifier(id: "admin", identityProviders: [], revocation: .all)
}

extension ClaimMapping {
    package static let email = ClaimMapping(name: "email", source: .firstOf([ClaimPath("email")]))
}

extension ExchangeOutcome {
    /// The external identity, however it came.
    package var externalIdentity: ExternalIdentity? {
        switch self {
        case .issued(let issued, _): issued.externalIdentity
        case .degraded(let issued, _): issued?.externalIdentity
        case .failed, .refused: nil
        }
    }

    package var refusal: Refusal? {
        if case .refused(let refusal, _) = self { refusal } else { nil }
    }
}
