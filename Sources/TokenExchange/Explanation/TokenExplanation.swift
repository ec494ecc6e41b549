/// A token's way through all rules, for people who wonder why it is refused.
package struct TokenExplanation: Sendable {
    package enum Outcome: String, Sendable {
        case pass
        case fail
        case notReached = "not reached"
    }

    package struct Line: Sendable {
        /// The rule's name.
        package let rule: String
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
    init(_ token: ExplainedToken, stop: ExchangeStop?) {
        let rules = ExplainToken.rules
        let end = stop.flatMap { stop in rules.firstIndex { $0.isBroken(by: stop) } } ?? rules.count
        lines = rules.enumerated().map { index, rule in
            let outcome: Outcome = index < end ? .pass : index == end ? .fail : .notReached
            let found = outcome == .notReached ? .init() : rule.found(token)
            return Line(
                rule: rule.name, outcome: outcome, expected: rule.expected(token),
                found: outcome == .fail ? stop?.finding ?? found.shape : found.shape, value: found.value,
                remedy: outcome == .fail ? rule.remedy : nil)
        }
        reason = stop?.reason
    }
}

extension VerificationRule {
    fileprivate func isBroken(by stop: ExchangeStop) -> Bool {
        switch stop {
        case .refused(let refusal, _): refusals.contains(refusal)
        case .failed(let failure): failures.contains(failure.kind)
        }
    }
}

extension ExchangeStop {
    fileprivate var reason: String {
        switch self {
        case .refused(let refusal, _): refusal.rawValue
        case .failed(let failure): failure.kind.rawValue
        }
    }

    /// What only the stop knows: our own cause, or how far a time is off.
    fileprivate var finding: String? {
        switch self {
        case .failed(let failure): failure.cause
        case .refused(let refusal, let difference?):
            "\(refusal.rawValue): off by \(ExplainedToken.seconds(difference))"
        case .refused: nil
        }
    }
}

/// Explains tokens by exchanging them, except for the store: the verdict is the service's own.
package struct ExplainToken: Sendable {
    /// What a token must pass to be exchanged, in the order in which it is looked at.
    package static let rules = VerifyIdentityToken.rules + [MintExternalIdentity.rule]

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
        let explained = ExplainedToken(token, tenants: tenants, provider: provider, limits: limits, now: now)
        do throws(ExchangeStop) {
            let identity = try await verify(token, for: provider, at: now, within: budget)
            try checkMinting(for: identity, provider: provider, token: token, at: now)
            return TokenExplanation(explained, stop: nil)
        } catch {
            return TokenExplanation(explained, stop: error)
        }
    }

    /// Which device and partition makes no difference to whether a token can be made. Internal services are not asked.
    private func checkMinting(
        for identity: VerifiedIdentity, provider: IdentityProvider, token: IdentityToken, at now: UnixTime
    ) throws(ExchangeStop) {
        let partition = Partition(digest: [0, 0, 0])
        switch provider.token.kind {
        case .minted(let kind):
            _ = try mint(kind, for: identity, provider: provider, device: nil, in: partition, at: now)
        case .upstream(let recipe):
            _ = try mint.session(
                for: identity, provider: provider, device: nil, in: partition, at: now, expiresAt: now.wholeSeconds)
            _ = try UpstreamRequest(
                recipe, provider: provider.name, claims: identity.claims, identityToken: token, trace: RequestTrace())
        }
    }
}
