/// Our own keys at one moment: those that sign, and those that are published. Replaced as a whole, never changed.
package struct SigningKeyRing: Sendable {
    /// The active keys: so few that looking through them is quicker than a hash.
    private let signers: [any TokenSigner]
    private let verifiers: [ExactText: any TokenVerifier]
    /// The JWK set document (RFC 7517 §5) with every public key, ready to serve.
    package let publishedKeySet: [UInt8]

    /// - Parameters:
    ///   - signers: at most one per algorithm.
    ///   - verifiers: one per published key, each with a `keyID`.
    package init(signers: [any TokenSigner], verifiers: [any TokenVerifier], publishedKeySet: [UInt8]) {
        self.signers = signers
        self.verifiers = Dictionary(verifiers.compactMap { key in key.keyID.map { ($0, key) } }) { first, _ in first }
        self.publishedKeySet = publishedKeySet
    }

    /// The active key; nil if there is none for this algorithm.
    package func signer(for algorithm: SignatureAlgorithm) -> (any TokenSigner)? {
        signers.first { $0.algorithm == algorithm }
    }

    /// The published key of this `kid`; nil if there is none.
    package func verifier(keyID: ExactText) -> (any TokenVerifier)? { verifiers[keyID] }
}
