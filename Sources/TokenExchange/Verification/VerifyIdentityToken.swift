/// Checks that an identity token is genuine, and acceptable for an identity provider.
package final class VerifyIdentityToken: Sendable {
    private let tenants: [ExactText: KnownTenant]
    private let claimsReader: any ClaimsReader
    private let limits: TokenLimits

    /// - Parameters:
    ///   - providers: all that name claims in their configuration; other claims are never read.
    ///   - clocks: observes every genuine token, as `shapes` does.
    package init(
        tenants: [Tenant], providers: [IdentityProvider], claimsReader: any ClaimsReader, limits: TokenLimits,
        clocks: IssuerClocks = IssuerClocks(), shapes: TokenShapes = TokenShapes()
    ) {
        let served = providers.flatMap { provider in provider.tenants.map { (tenant: $0, provider: provider) } }
        let providers = Dictionary(grouping: served, by: \.tenant)
        let known = tenants.map { tenant in
            KnownTenant(
                tenant, providers: providers[tenant.name, default: []].map(\.provider), clock: clocks.of(tenant.name),
                shapes: shapes.of(tenant.name))
        }
        self.tenants = Dictionary(known.map { ($0.tenant.issuer, $0) }) { first, _ in first }
        self.claimsReader = claimsReader
        self.limits = limits
    }

    /// - Parameters:
    ///   - report: learns whose token it is, once that is proved.
    ///   - budget: the time left for waiting; evaluated before each wait.
    package func callAsFunction(
        _ token: IdentityToken, for provider: IdentityProvider, at now: UnixTime, source: RequestSource? = nil,
        report: ExchangeReport? = nil, within budget: @autoclosure () throws(ExchangeStop) -> Duration
    ) async throws(ExchangeStop) -> VerifiedIdentity {
        do {
            // 1. Form: nothing is believed yet.
            let unverified = try unverified(token)
            // 2. Whose keys, which key, which algorithm: all by configuration.
            let known = try tenant(of: unverified)
            // 3. Signature, nearly always by a key that is known.
            let remaining = try budget()
            let keys: [any TokenVerifier]
            if let present = Self.presentKeys(for: unverified, of: known.tenant) {
                keys = present
            } else {
                keys = try await Self.keys(for: unverified, of: known.tenant, source: source, within: remaining)
            }
            let genuine: VerifiedToken
            if let verified = try Self.verified(unverified, by: keys, of: known.tenant) {
                genuine = verified
            } else {
                genuine = try await verified(
                    unverified, rejecting: keys, of: known.tenant, source: source, within: budget)
            }
            return try identity(genuine, unverified, of: known, for: provider, at: now, report)
        } catch { throw Self.stop(error) }
    }

    // What does not wait is not inlined: what it needs for a moment would be kept in the frame of its caller.

    @inline(never)
    private static func stop(_ error: any Error) -> ExchangeStop {
        switch error {
        case let stop as ExchangeStop: stop
        case let refusal as Refusal: .refused(refusal)
        case let failure as IssuerKeysFailure: .failed(Failure(failure))
        default: .refused(.claimsUnreadable)
        }
    }

    @inline(never)
    private func unverified(_ token: IdentityToken) throws(Refusal) -> UnverifiedToken {
        try UnverifiedToken(token.bytes, limits: limits)
    }

    @inline(never)
    private func tenant(of token: UnverifiedToken) throws(Refusal) -> KnownTenant {
        guard let known = tenants[token.claimedIssuer] else { throw .issuerUnknown }
        let tenant = known.tenant
        guard tenant.rules.algorithms.contains(token.jws.algorithm) else { throw .algorithmNotAllowed }
        if let keyID = token.jws.keyID, tenant.rules.deniedKeyIDs.contains(keyID) { throw .keyDenied }
        return known
    }

    @inline(never)
    private func identity(
        _ token: VerifiedToken, _ unverified: UnverifiedToken, of known: KnownTenant, for provider: IdentityProvider,
        at now: UnixTime, _ report: ExchangeReport?
    ) throws -> VerifiedIdentity {
        known.shapes.observe(token, of: unverified.jws)
        // 4. Claims: trusted from here on.
        let claims = try claimsReader.claims(known.claims(for: provider), of: token)
        let identity = try VerifiedIdentity(token, of: known.tenant, claims: claims)
        report?.identify(identity)
        if let issuedAt = identity.issuedAt { known.clock.observe(issuedAt: issuedAt, at: now) }
        // 5. Policies, in order.
        if let refusal = Self.refusal(of: identity, for: provider, at: now) {
            throw ExchangeStop.refused(refusal, clockDifference: identity.clockDifference(for: refusal, at: now))
        }
        return identity
    }

    @inline(never)
    private static func presentKeys(for token: UnverifiedToken, of tenant: Tenant) -> [any TokenVerifier]? {
        tenant.keys.presentVerifiers(for: IssuerKeyQuery(token.jws, source: nil, budget: .zero))
    }

    @inline(never)
    private static func keys(
        for token: UnverifiedToken, of tenant: Tenant, source: RequestSource?, within budget: Duration
    ) async throws(IssuerKeysFailure) -> [any TokenVerifier] {
        try await tenant.keys.verifiers(for: IssuerKeyQuery(token.jws, source: source, budget: budget))
    }

    /// Nil if the signature is good under none of `keys`.
    @inline(never)
    private static func verified(
        _ token: UnverifiedToken, by keys: [any TokenVerifier], of tenant: Tenant
    ) throws(Refusal) -> VerifiedToken? {
        if keys.isEmpty { throw .keyUnknown }
        let tried = tenant.rules.deniedKeyIDs.isEmpty ? keys : keys.filter { !tenant.rules.denies($0) }
        if tried.isEmpty { throw .keyDenied }
        return token.verified(by: tried)
    }

    /// The issuer may have a new key under an old name. If no newer set can be fetched, the last good one decides.
    @inline(never)
    private func verified(
        _ token: UnverifiedToken, rejecting keys: [any TokenVerifier], of tenant: Tenant, source: RequestSource?,
        within budget: () throws(ExchangeStop) -> Duration
    ) async throws -> VerifiedToken {
        let rejected = Set(keys.map(\.thumbprint))
        let others = try? await tenant.keys.verifiers(
            for: IssuerKeyQuery(token.jws, rejected: rejected, source: source, budget: try budget()))
        guard let verified = token.verified(by: (others ?? []).filter { !tenant.rules.denies($0) }) else {
            throw Refusal.signatureInvalid
        }
        return verified
    }

    // MARK: Rules

    /// What a genuine token must pass, in the order in which it is checked.
    private static let policies: [any IdentityPolicy.Type] = [
        TokenKindPolicy.self, ValidityPeriodPolicy.self, AudiencePolicy.self, AuthorizedPartyPolicy.self,
        IdentityProviderPolicy.self,
    ]

    /// What every token must pass, in the order in which it is checked.
    package static let rules =
        UnverifiedToken.rules + issuerRules + VerifiedIdentity.rules + policies.flatMap { $0.rules }
        + [TokenRecipe.mappedClaimsRule]

    /// The first policy that the token does not meet decides.
    private static func refusal(
        of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime
    ) -> Refusal? {
        for policy in policies {
            if let refusal = policy.refusal(of: identity, for: provider, at: now) { return refusal }
        }
        return nil
    }
}

/// A tenant, what is read of its tokens, and what is noticed about them.
private final class KnownTenant: Sendable {
    let tenant: Tenant
    let clock: IssuerClock
    let shapes: TenantShapes
    /// By the tenant's rules.
    private let claims: [ExactText]
    /// By its rules and an identity provider's configuration, each name once.
    private let claimsByProvider: [ExactText: [ExactText]]

    /// - Parameter providers: those that serve the tenant.
    init(_ tenant: Tenant, providers: [IdentityProvider], clock: IssuerClock, shapes: TenantShapes) {
        self.tenant = tenant
        self.clock = clock
        self.shapes = shapes
        let claims = VerifyIdentityToken.rules.flatMap { $0.claims(tenant.rules) }
        self.claims = claims
        claimsByProvider = providers.reduce(into: [:]) { claimsByProvider, provider in
            let configured = VerifyIdentityToken.rules.flatMap { $0.configuredClaims(provider) }
            claimsByProvider[provider.name] = (claims + configured).reduce(into: []) { names, name in
                if !names.contains(name) { names.append(name) }
            }
        }
    }

    /// What is read of a token for `provider`; another tenant's provider will refuse it, whatever it says.
    func claims(for provider: IdentityProvider) -> [ExactText] { claimsByProvider[provider.name] ?? claims }
}

extension IssuerKeyQuery {
    @inline(never)
    fileprivate init(
        _ jws: CompactJWS, rejected: Set<ExactText> = [], source: RequestSource?, budget: Duration
    ) {
        self.init(keyID: jws.keyID, algorithm: jws.algorithm, rejected: rejected, source: source, budget: budget)
    }
}

extension TenantRules {
    /// For a key that the token does not name; a `kid` in the token was checked before.
    fileprivate func denies(_ verifier: any TokenVerifier) -> Bool {
        verifier.keyID.map(deniedKeyIDs.contains) ?? false
    }
}
