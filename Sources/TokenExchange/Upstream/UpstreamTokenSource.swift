/// Asks internal services for tokens.
package protocol UpstreamTokenSource: Sendable {
    /// Ends within `budget`. A caller's cancellation harms no other caller.
    func token(
        for request: UpstreamRequest, within budget: Duration
    ) async throws(UpstreamFailure) -> UpstreamToken
}

package struct UpstreamToken: Sendable, Redacted {
    /// Printable ASCII without blanks, within the recipe's size.
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
    /// The service answered, without a usable token.
    case refused(cause: String)
    case unavailable(cause: String)
    case timedOut(cause: String)

    package var cause: String {
        switch self {
        case .refused(let cause), .unavailable(let cause), .timedOut(let cause): cause
        }
    }
}

extension Failure {
    package init(_ failure: UpstreamFailure) {
        switch failure {
        case .refused(let cause): self.init(.upstreamRefused, operation: "upstream", cause: cause)
        case .unavailable(let cause): self.init(.upstreamUnavailable, operation: "upstream", cause: cause)
        case .timedOut(let cause): self.init(.deadlineExceeded, operation: "upstream", cause: cause)
        }
    }
}
