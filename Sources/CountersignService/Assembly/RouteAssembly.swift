import CountersignHTTP
import JOSE
import ServiceConfiguration
import TokenExchange

extension PublicRoutes {
    /// The endpoints of the public listener for one configuration. Sessions, clocks, shapes and limiter outlive it.
    ///
    /// - Parameters:
    ///   - keys: our current signing keys.
    ///   - tenants: all tenants with their keys.
    ///   - limiter: shared by all listeners for the whole life of the process.
    ///   - admission: likewise, for the public listener.
    convenience init(
        _ blueprint: Blueprint, keys: SigningKeyRing, tenants: [Tenant], sessions: SessionAssembly,
        upstream: UpstreamAssembly, clocks: IssuerClocks, shapes: TokenShapes, limiter: RateLimiter,
        admission: AdmissionControl, audit: AuditTrail?, time: TimeSource
    ) {
        let configuration = blueprint.configuration
        let mint = MintExternalIdentity(configuration, keys: keys)
        // The probe's provider does not count as a second one.
        let associateProviders = configuration.associateProviders.map(\.name)
        let onlyProvider = associateProviders.count == 1 ? associateProviders[0] : nil
        self.init(
            exchange: ExchangeToken(
                verify: VerifyIdentityToken(configuration, tenants: tenants, clocks: clocks, shapes: shapes),
                mint: MintedExchange(
                    mint: mint, vault: sessions.vault, store: sessions.store,
                    deferredSessions: sessions.deferredSessions, revocations: sessions.revocations, time: time),
                fetch: upstream.exchange(blueprint, mint: mint), ledger: audit, time: time),
            introspect: IntrospectSession(configuration, sessions: sessions, keys: keys, time: time),
            revoke: RevokeSession(
                issuer: ExactText(configuration.publicURL), providers: configuration.identityProviders,
                vault: sessions.vault,
                store: sessions.store, keys: keys, claimsReader: LibJWTClaimsReader(), time: time),
            verifiers: blueprint.verifiers,
            providers: IdentityProviderDirectory(
                configuration.identityProviders, defaultName: configuration.defaultIdentityProvider ?? onlyProvider),
            issuer: ExactText(configuration.publicURL), keySet: keys.publishedKeySet,
            keySetMaximumAge: configuration.signing.jwksMaximumAge, bodyLimit: configuration.limits.bodyBytes,
            jsonLimits: JSONLimits(configuration.limits), limiter: limiter, admission: admission)
    }
}

// MARK: - The use cases, as routes and commands share them

extension VerifyIdentityToken {
    /// With the rules and limits of a configuration.
    convenience init(
        _ configuration: Configuration, tenants: [Tenant], clocks: IssuerClocks = IssuerClocks(),
        shapes: TokenShapes = TokenShapes()
    ) {
        self.init(
            tenants: tenants, providers: configuration.identityProviders,
            claimsReader: LibJWTClaimsReader(), limits: TokenLimits(configuration.limits), clocks: clocks,
            shapes: shapes)
    }
}

extension IntrospectSession {
    /// - Parameter keys: nil if only the store is asked.
    convenience init(
        _ configuration: Configuration, sessions: SessionAssembly, keys: SigningKeyRing?, time: TimeSource
    ) {
        self.init(
            issuer: ExactText(configuration.publicURL), providers: configuration.identityProviders,
            vault: sessions.vault, store: sessions.store, deferredSessions: sessions.deferredSessions,
            revocations: sessions.revocations, keys: keys, claimsReader: LibJWTClaimsReader(), time: time)
    }
}

extension MintExternalIdentity {
    /// With random bytes of OpenSSL.
    init(_ configuration: Configuration, keys: SigningKeyRing) {
        self.init(
            issuer: ExactText(configuration.publicURL), keys: keys, randomBytes: OpenSSLRecordSealer().randomBytes)
    }
}

extension TokenLimits {
    /// Those of identity tokens.
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
    /// Those of refused requests.
    init(_ limits: LimitSettings) {
        self.init(requestsPerSecond: limits.requestsPerSecond, burst: limits.burst, sources: limits.sources)
    }
}

extension AdmissionControl.Limits {
    /// Those of the public listener.
    init(_ limits: LimitSettings) {
        self.init(requestsInProgress: limits.requestsInProgress, queueingTime: limits.queueingTime)
    }
}
