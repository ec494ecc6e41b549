/// Where the public keys of one tenant's issuer come from.
package protocol IssuerKeySource: Sendable {
    /// The keys that may have signed a token with this `kid` and `alg`, except those in ``IssuerKeyQuery/rejected``.
    ///
    /// May wait for keys to arrive, within the query's budget. An empty answer is a statement about the token, an error
    /// only about us. Cancelling one caller does not affect the others.
    func verifiers(for query: IssuerKeyQuery) async throws(IssuerKeysFailure) -> [any TokenVerifier]

    /// The same at once, or nil if they may have to be waited for.
    func presentVerifiers(for query: IssuerKeyQuery) -> [any TokenVerifier]?
}

extension IssuerKeySource {
    package func presentVerifiers(for query: IssuerKeyQuery) -> [any TokenVerifier]? { nil }
}

/// Which keys a token asks for, and who brought it.
package struct IssuerKeyQuery: Sendable {
    /// The header's `kid`; nil if it has none.
    package let keyID: ExactText?
    package let algorithm: SignatureAlgorithm
    /// ``TokenVerifier/thumbprint``s of keys under which the signature is bad; a newer set may have others under the
    /// same `kid`.
    package let rejected: Set<ExactText>
    /// Nil if the token did not come over a network.
    package let source: RequestSource?
    /// How long the caller can wait for keys.
    package let budget: Duration

    package init(
        keyID: ExactText?, algorithm: SignatureAlgorithm, rejected: Set<ExactText> = [], source: RequestSource? = nil,
        budget: Duration = .zero
    ) {
        self.rejected = rejected
        self.keyID = keyID
        self.algorithm = algorithm
        self.source = source
        self.budget = budget
    }
}

/// A token cannot be judged now. Causes contain nothing of the token.
package enum IssuerKeysFailure: Error, Equatable {
    /// The issuer's keys cannot be fetched, or are too old to be trusted.
    case unavailable(cause: String)
    /// The caller's budget ran out while keys were being fetched.
    case budgetSpent
}

extension Failure {
    /// `issuer_keys_unavailable`, or `deadline_exceeded` if the budget ran out.
    package init(_ failure: IssuerKeysFailure) {
        switch failure {
        case .unavailable(let cause): self.init(.issuerKeysUnavailable, operation: "issuerKeys", cause: cause)
        case .budgetSpent:
            self.init(.deadlineExceeded, operation: "issuerKeys", cause: "keys were still being fetched")
        }
    }
}
