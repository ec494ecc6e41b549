/// Asks internal services for tokens.
package protocol UpstreamTokenSource: Sendable {
    /// Ends within `budget`. Cancelling one caller does not affect the others.
    func token(
        for request: UpstreamRequest, within budget: Duration
    ) async throws(UpstreamFailure) -> UpstreamToken
}

/// What an internal service answered with.
package struct UpstreamToken: Sendable, Redacted {
    /// Printable ASCII without spaces, no longer than ``UpstreamRecipe/maximumBytes``.
    package let bytes: [UInt8]
    /// Nil if the service does not say.
    package let lifetime: Duration?

    package init(bytes: [UInt8], lifetime: Duration?) {
        self.bytes = bytes
        self.lifetime = lifetime
    }
}

/// Why there is no token. Causes are for the log: statuses, durations and shapes, nothing that the service sent.
package enum UpstreamFailure: Error, Sendable, Equatable {
    /// The service answered, but without a usable token.
    case refused(cause: String)
    /// The service could not be reached, or said that it could not answer.
    case unavailable(cause: String)
    /// The caller's budget ran out.
    case timedOut(cause: String)

    package var cause: String {
        switch self {
        case .refused(let cause), .unavailable(let cause), .timedOut(let cause): cause
        }
    }
}

extension Failure {
    /// `upstream_refused`, `upstream_unavailable` or `deadline_exceeded`.
    package init(_ failure: UpstreamFailure) {
        switch failure {
        case .refused(let cause): self.init(.upstreamRefused, operation: "upstream", cause: cause)
        case .unavailable(let cause): self.init(.upstreamUnavailable, operation: "upstream", cause: cause)
        case .timedOut(let cause): self.init(.deadlineExceeded, operation: "upstream", cause: cause)
        }
    }
}
