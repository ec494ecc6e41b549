/// A token's way through all rules, for people who wonder why it is refused.
package struct TokenExplanation: Sendable {
    package enum Outcome: String, Sendable {
        case pass
        case fail
        case notReached = "not reached"
    }

    package struct Line: Sendable {
        package let rule: VerificationRule
        package let outcome: Outcome
        package let expected: String
        /// Shapes and distances, no values.
        package let found: String
        /// The value itself, for whoever may see it; nil if there is none.
        package let value: String?
        /// Nil if nothing is to be done.
        package let remedy: String?
    }

    package let lines: [Line]
    /// The precise reason, as the log has it; nil if the exchange would be allowed.
    package let reason: String?

    package var isAllowed: Bool { reason == nil }

    /// - Parameter stop: what ended the exchange; nil if nothing did.
    init(_ findings: TokenFindings, stop: ExchangeStop?) {
        let broken = stop?.rule
        let rules = VerificationRule.allCases
        let end = broken.flatMap(rules.firstIndex) ?? rules.count
        lines = rules.enumerated().map { index, rule in
            let outcome: Outcome = index < end ? .pass : index == end ? .fail : .notReached
            let (found, value) = outcome == .notReached ? ("", nil) : findings.found(for: rule)
            return Line(
                rule: rule, outcome: outcome, expected: findings.expected(by: rule),
                found: outcome == .fail ? findings.failure(stop) ?? found : found, value: value,
                remedy: outcome == .fail ? rule.remedy : nil)
        }
        reason = stop?.reason
    }
}

extension ExchangeStop {
    fileprivate var rule: VerificationRule {
        switch self {
        case .refused(let refusal, _): refusal.rule
        case .failed(let failure): failure.kind == .mintFailed ? .mint : .key
        }
    }

    fileprivate var reason: String {
        switch self {
        case .refused(let refusal, _): refusal.rawValue
        case .failed(let failure): failure.kind.rawValue
        }
    }
}

extension TokenFindings {
    /// What only the failure knows: our own cause, or how far a time is off.
    fileprivate func failure(_ stop: ExchangeStop?) -> String? {
        switch stop {
        case .failed(let failure): failure.cause
        case .refused(let refusal, let difference?): "\(refusal.rawValue): off by \(Self.seconds(difference))"
        case .refused, nil: nil
        }
    }
}

/// Explains tokens by exchanging them, all but the store: the verdict is the service's own.
package struct ExplainToken: Sendable {
    private let verify: VerifyIdentityToken
    private let mint: MintExternalIdentity
    private let tenants: [Tenant]
    private let limits: TokenLimits

    package init(verify: VerifyIdentityToken, mint: MintExternalIdentity, tenants: [Tenant], limits: TokenLimits) {
        self.verify = verify
        self.mint = mint
        self.tenants = tenants
        self.limits = limits
    }

    package func callAsFunction(
        _ token: IdentityToken, for provider: IdentityProvider, at now: UnixTime, within budget: Duration
    ) async -> TokenExplanation {
        let findings = TokenFindings(token, tenants: tenants, provider: provider, limits: limits, now: now)
        do throws(ExchangeStop) {
            let identity = try await verify(token, for: provider, at: now, within: budget)
            try checkMinting(for: identity, provider: provider, token: token, at: now)
            return TokenExplanation(findings, stop: nil)
        } catch {
            return TokenExplanation(findings, stop: error)
        }
    }

    /// Which device and partition makes no difference to whether a token can be made. Internal services are not asked.
    private func checkMinting(
        for identity: VerifiedIdentity, provider: IdentityProvider, token: IdentityToken, at now: UnixTime
    ) throws(ExchangeStop) {
        let partition = Partition(digest: [0, 0, 0])
        guard case .upstream(let recipe) = provider.token.kind else {
            _ = try mint(for: identity, provider: provider, device: nil, in: partition, at: now)
            return
        }
        _ = try mint.session(
            for: identity, provider: provider, device: nil, in: partition, at: now, expiresAt: now.wholeSeconds)
        _ = try UpstreamRequest(
            recipe, provider: provider.name, claims: identity.claims, identityToken: token, trace: RequestTrace())
    }
}
