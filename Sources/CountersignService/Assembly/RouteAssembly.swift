import CountersignHTTP
import JOSE
import ServiceConfiguration
import TokenExchange

extension PublicRoutes {
    /// What the public listener answers by `blueprint`. Sessions outlive it.
    ///
    /// - Parameters:
    ///   - keys: ours of the moment.
    ///   - tenants: all of them, with their keys.
    ///   - limiter: of all listeners, and of the whole life of the process.
    convenience init(
        _ blueprint: Blueprint, keys: SigningKeyRing, tenants: [Tenant], sessions: SessionAssembly,
        upstream: UpstreamAssembly, clocks: IssuerClocks, limiter: RateLimiter, time: TimeSource
    ) {
        let configuration = blueprint.configuration
        let mint = MintExternalIdentity(configuration, keys: keys)
        self.init(
            exchange: ExchangeToken(
                verify: VerifyIdentityToken(configuration, tenants: tenants, clocks: clocks),
                mint: MintedExchange(
                    mint: mint, vault: sessions.vault, store: sessions.store,
                    deferredSessions: sessions.deferredSessions, revocations: sessions.revocations, time: time),
                fetch: upstream.exchange(blueprint, mint: mint), time: time),
            introspect: IntrospectSession(configuration, sessions: sessions, keys: keys, time: time),
            revoke: RevokeSession(
                issuer: ExactText(configuration.publicURL), providers: configuration.identityProviders,
                vault: sessions.vault,
                store: sessions.store, keys: keys, claimsReader: LibJWTClaimsReader(), time: time),
            verifiers: blueprint.verifiers,
            providers: IdentityProviderDirectory(
                configuration.identityProviders, defaultName: configuration.defaultIdentityProvider),
            issuer: ExactText(configuration.publicURL), keySet: keys.publishedKeySet,
            keySetMaximumAge: configuration.signing.jwksMaximumAge, bodyLimit: configuration.limits.bodyBytes,
            jsonLimits: JSONLimits(configuration.limits), limiter: limiter)
    }
}

// MARK: - The use cases, as routes and commands share them

extension VerifyIdentityToken {
    init(_ configuration: Configuration, tenants: [Tenant], clocks: IssuerClocks) {
        self.init(
            tenants: tenants, providers: configuration.identityProviders,
            claimsReader: LibJWTClaimsReader(), limits: TokenLimits(configuration.limits), clocks: clocks)
    }
}

extension IntrospectSession {
    init(
        _ configuration: Configuration, sessions: SessionAssembly, keys: SigningKeyRing?, time: TimeSource
    ) {
        self.init(
            issuer: ExactText(configuration.publicURL), providers: configuration.identityProviders,
            vault: sessions.vault, store: sessions.store, deferredSessions: sessions.deferredSessions,
            revocations: sessions.revocations, keys: keys, claimsReader: LibJWTClaimsReader(), time: time)
    }
}

extension MintExternalIdentity {
    init(_ configuration: Configuration, keys: SigningKeyRing) {
        self.init(
            issuer: ExactText(configuration.publicURL), keys: keys, randomBytes: OpenSSLRecordSealer().randomBytes)
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

extension RateLimiter.Limits {
    init(_ limits: LimitSettings) {
        self.init(requestsPerSecond: limits.requestsPerSecond, burst: limits.burst, sources: limits.sources)
    }
}
