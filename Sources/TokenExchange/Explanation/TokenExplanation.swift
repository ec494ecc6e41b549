/// How a token fares under every rule, for people who want to know why it is refused.
package struct TokenExplanation: Sendable {
    /// What came of one rule. Nothing is checked after the first failure.
    package enum Outcome: String, Sendable {
        case pass
        case fail
        case notReached = "not reached"
    }

    /// One rule, and what it found.
    package struct Line: Sendable {
        /// The rule's name.
        package let rule: String
        package let outcome: Outcome
        package let expected: String
        /// Types, sizes and time differences; of values only those that say nothing about anybody, such as a `typ`.
        package let found: String
        /// The value itself, for `--show-values`; nil if there is none.
        package let value: String?
        /// Nil if there is nothing to do.
        package let remedy: String?
    }

    package let lines: [Line]
    /// The exact reason, as in the log; nil if the exchange would be allowed.
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
                rule: rule.name.description, outcome: outcome, expected: rule.expected(token),
                found: outcome == .fail ? stop?.finding(token) ?? found.shape : found.shape, value: found.value,
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

    /// What only the stop knows: the cause of our failure, or how far a time is off.
    fileprivate func finding(_ token: ExplainedToken) -> String? {
        switch self {
        case .failed(let failure): failure.cause
        case .refused(let refusal, let difference?): token.clocks(refusal, difference)
        case .refused: nil
        }
    }
}

/// Explains a token by exchanging it, except that nothing is stored: the verdict is the service's own.
package struct ExplainToken: Sendable {
    /// Every rule that a token must pass, in the order in which they are checked.
    package static let rules = VerifyIdentityToken.rules + [MintExternalIdentity.rule]

    /// The rule that such a token breaks. Each refusal belongs to one.
    package static func rule(brokenBy refusal: Refusal) -> VerificationRule? {
        rules.first { $0.refusals.contains(refusal) }
    }

    private let verify: VerifyIdentityToken
    private let mint: MintExternalIdentity
    private let tenants: [Tenant]
    private let limits: TokenLimits

    /// - Parameters:
    ///   - tenants: those that `verify` knows.
    ///   - limits: those that `verify` applies.
    package init(verify: VerifyIdentityToken, mint: MintExternalIdentity, tenants: [Tenant], limits: TokenLimits) {
        self.verify = verify
        self.mint = mint
        self.tenants = tenants
        self.limits = limits
    }

    /// Fetches issuer keys as a login does. Calls no internal service.
    /// - Parameter budget: how long keys may take.
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

    /// Device and partition make no difference to whether a token can be made.
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
