/// One private key bound to one algorithm.
package protocol TokenSigner: Sendable {
    /// RFC 7638 thumbprint (SHA-256, base64url) of the public key.
    var keyID: ExactText { get }
    var algorithm: SignatureAlgorithm { get }
    /// How many bytes each signature has; R‖S for ECDSA.
    var signatureCount: Int { get }

    /// The JWS signature over `signingInput`; ECDSA as raw R‖S (RFC 7518 §3.4).
    func signature(over signingInput: [UInt8]) throws(SigningFailure) -> [UInt8]
}

/// The cryptographic library refused to sign. `cause` is its own words, never key material.
package struct SigningFailure: Error {
    package let cause: String

    package init(cause: String) {
        self.cause = cause
    }
}
