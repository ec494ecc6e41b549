/// A failure on our side: store, keys, internal service or deadline. Says nothing about the token.
package struct Failure: Error, Sendable, Equatable {
    /// Raw values are stable: they are in logs, metrics and answers.
    package enum Kind: String, Sendable, CaseIterable {
        case mintFailed = "mint_failed"
        case upstreamRefused = "upstream_refused"
        case upstreamUnavailable = "upstream_unavailable"
        case issuerKeysUnavailable = "issuer_keys_unavailable"
        case sessionStoreUnavailable = "session_store_unavailable"
        case deadlineExceeded = "deadline_exceeded"
    }

    package let kind: Kind
    /// What was being done, for the log.
    package let operation: String
    /// Why it went wrong, in the dependency's words, for the log.
    package let cause: String

    package init(_ kind: Kind, operation: String, cause: String) {
        self.kind = kind
        self.operation = operation
        self.cause = cause
    }
}

/// Why an exchange ends without a token: the caller must act, or we must. Indirect, so that it takes one
/// word in the frame of each function that may throw it.
package indirect enum ExchangeStop: Error, Sendable, Equatable {
    /// - Parameter clockDifference: our clock minus the time in the token; nil if the refusal is not about time.
    case refused(Refusal, clockDifference: Duration? = nil)
    case failed(Failure)
}
