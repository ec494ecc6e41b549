package import TokenExchange

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

    /// - Parameter facts: of the exchange; nil if there was none.
    fileprivate init(_ kind: RequestReport.Kind, _ facts: ExchangeReport.Facts?) {
        if kind.error == .rateLimited {
            self = .rateLimited
        } else if kind.degradation != nil {
            self = facts?.externalIdentity == nil ? .degraded : .deferred
        } else if kind.status >= 500 {
            self = .failed
        } else if kind.status >= 400 {
            self = .refused
        } else {
            self = facts?.isReplay == true ? .replayed : .issued
        }
    }
}

extension RequestReport {
    /// Nil if the request was no login, or named no identity provider that is configured.
    /// - Parameter facts: of ``exchange``, read once for all who need them.
    package func loginOutcome(_ facts: ExchangeReport.Facts?) -> LoginOutcome? {
        guard kind.provider != nil, kind.route == "callback" || kind.route == "token" else { return nil }
        return LoginOutcome(kind, facts)
    }
}
