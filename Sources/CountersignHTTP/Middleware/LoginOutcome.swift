import TokenExchange

/// How a login ended, as the associate notices it.
package enum LoginOutcome: String, Sendable, CaseIterable {
    /// A new external identity, its session stored.
    case issued
    /// The same login again, and the same answer.
    case replayed
    /// An optional provider's token, whose session is written once the store is back.
    case deferred
    /// An optional login that goes on without a token.
    case degraded
    case refused
    /// Something on our side.
    case failed
    /// The source is barred.
    case rateLimited = "rate_limited"
}

extension RequestReport {
    /// Nil if the request was no login, or named no identity provider that is configured.
    package var loginOutcome: LoginOutcome? {
        guard case .some = kind.provider, kind.route == "callback" || kind.route == "token" else { return nil }
        if kind.error == .rateLimited { return .rateLimited }
        if kind.degradation != nil {
            return exchange?.read { $0.externalIdentity != nil } == true ? .deferred : .degraded
        }
        if kind.status >= 500 { return .failed }
        if kind.status >= 400 { return .refused }
        return exchange?.read { $0.isReplay } == true ? .replayed : .issued
    }
}
