/// Where the public keys of one tenant's issuer come from.
package protocol IssuerKeySource: Sendable {
    /// The keys that may have signed a token with this `kid` and `alg`; empty where none may.
    ///
    /// May wait for keys to arrive. An empty answer is a statement about the token; a throw is a statement about us.
    func verifiers(keyID: String?, algorithm: SignatureAlgorithm) async throws(IssuerKeysUnavailable)
        -> [any TokenVerifier]
}

/// The issuer's keys cannot be had now, so nothing can be said about a token. `cause` never holds anything of a token.
package struct IssuerKeysUnavailable: Error {
    package let cause: String

    package init(cause: String) {
        self.cause = cause
    }
}
