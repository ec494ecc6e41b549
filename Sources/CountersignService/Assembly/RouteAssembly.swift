import CountersignHTTP
import JOSE
import ServiceConfiguration
import TokenExchange

extension PublicRoutes {
    /// What the public listener answers by `blueprint`. Sessions outlive it: store and queue are passed in.
    ///
    /// - Parameter tenants: all of them, with their keys.
    init(
        _ blueprint: Blueprint, tenants: [Tenant], store: any SessionStore, deferredSessions: DeferredSessions,
        time: TimeSource
    ) {
        let configuration = blueprint.configuration
        let limits = configuration.limits
        let jsonLimits = JSONLimits(depth: limits.jsonDepth, members: limits.jsonMembers)
        let keys = blueprint.keys
        let sealer = OpenSSLRecordSealer()
        let vault = SessionVault(sealer: sealer)
        let claimsReader = LibJWTClaimsReader()
        let exchange = ExchangeToken(
            verify: VerifyIdentityToken(
                tenants: tenants, providers: configuration.identityProviders, claimsReader: claimsReader,
                limits: TokenLimits(tokenBytes: limits.tokenBytes, json: jsonLimits)),
            mint: MintExternalIdentity(
                issuer: configuration.publicURL, keys: { keys }, randomBytes: sealer.randomBytes),
            vault: vault, store: store, deferredSessions: deferredSessions, time: time)
        let introspect = IntrospectSession(
            issuer: configuration.publicURL, providers: configuration.identityProviders, vault: vault, store: store,
            keys: { keys }, claimsReader: claimsReader, time: time)
        self.init(
            exchange: exchange, introspect: introspect,
            providers: IdentityProviderDirectory(
                configuration.identityProviders, defaultName: configuration.defaultIdentityProvider),
            keys: { keys }, keySetMaximumAge: configuration.signing.jwksMaximumAge, bodyLimit: limits.bodyBytes,
            jsonLimits: jsonLimits, rateLimiter: RateLimiter(limits))
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
