import CountersignHTTP
import JOSE
import ServiceConfiguration
import TokenExchange

extension PublicRoutes {
    /// What the public listener answers by `blueprint`. Sessions outlive it: store and queue are passed in.
    ///
    /// - Parameters:
    ///   - ring: our keys of the moment.
    ///   - tenants: all of them, with their keys.
    convenience init(
        _ blueprint: Blueprint, keys ring: SigningKeyRing, tenants: [Tenant], store: any SessionStore,
        deferredSessions: DeferredSessions, upstream: UpstreamAssembly, clocks: IssuerClocks,
        unreadableRecords: UnreadableRecords, time: TimeSource
    ) {
        let configuration = blueprint.configuration
        let keys = { @Sendable in ring }
        let vault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: unreadableRecords)
        let mint = MintExternalIdentity(blueprint, keys: keys)
        self.init(
            exchange: ExchangeToken(
                verify: VerifyIdentityToken(blueprint, tenants: tenants, clocks: clocks),
                mint: mint, vault: vault, store: store, deferredSessions: deferredSessions,
                upstream: upstream.exchange(blueprint, mint: mint, vault: vault, store: store), time: time),
            introspect: IntrospectSession(
                issuer: configuration.publicURL, providers: configuration.identityProviders, vault: vault, store: store,
                keys: keys, claimsReader: LibJWTClaimsReader(), time: time),
            revoke: RevokeSession(
                issuer: configuration.publicURL, providers: configuration.identityProviders, vault: vault, store: store,
                keys: keys, claimsReader: LibJWTClaimsReader()),
            verifiers: blueprint.verifiers,
            providers: IdentityProviderDirectory(
                configuration.identityProviders, defaultName: configuration.defaultIdentityProvider),
            issuer: configuration.publicURL, keys: keys, keySetMaximumAge: configuration.signing.jwksMaximumAge,
            bodyLimit: configuration.limits.bodyBytes, jsonLimits: JSONLimits(configuration.limits),
            rateLimiter: RateLimiter(configuration.limits))
    }
}

// MARK: - The use cases, as routes and commands share them

extension VerifyIdentityToken {
    init(_ blueprint: Blueprint, tenants: [Tenant], clocks: IssuerClocks) {
        self.init(
            tenants: tenants, providers: blueprint.configuration.identityProviders,
            claimsReader: LibJWTClaimsReader(), limits: TokenLimits(blueprint.configuration.limits), clocks: clocks)
    }
}

extension MintExternalIdentity {
    init(_ blueprint: Blueprint, keys: @escaping @Sendable () -> SigningKeyRing) {
        self.init(
            issuer: blueprint.configuration.publicURL, keys: keys, randomBytes: OpenSSLRecordSealer().randomBytes)
    }
}

extension TokenLimits {
    init(_ limits: LimitSettings) {
        self.init(tokenBytes: limits.tokenBytes, json: JSONLimits(limits))
    }
}

extension JSONLimits {
    fileprivate init(_ limits: LimitSettings) {
        self.init(depth: limits.jsonDepth, members: limits.jsonMembers)
    }
}

extension RateLimiter {
    /// Nil where the configuration turns the limit off.
    fileprivate convenience init?(_ limits: LimitSettings) {
        if limits.requestsPerSecond == 0 { return nil }
        self.init(
            requestsPerSecond: limits.requestsPerSecond, burst: limits.burst, addressLimit: limits.sources)
    }
}
