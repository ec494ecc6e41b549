/// One private key bound to one algorithm.
package protocol TokenSigner: Sendable {
    /// RFC 7638 thumbprint (SHA-256, base64url) of the public key.
    var keyID: ExactText { get }
    var algorithm: SignatureAlgorithm { get }
    /// How many bytes each signature has; R‖S for ECDSA.
    var signatureCount: Int { get }
    /// ``encodedHeader(_:keyID:)`` of every token that it signs, made once.
    var header: [UInt8] { get }

    /// The JWS signature over `signingInput`; ECDSA as raw R‖S (RFC 7518 §3.4).
    func signature(over signingInput: [UInt8]) throws(SigningFailure) -> [UInt8]
}

extension TokenSigner {
    /// The header of a JWT (RFC 7515 §4) in base64url.
    package static func encodedHeader(_ algorithm: SignatureAlgorithm, keyID: ExactText) -> [UInt8] {
        var header = JSONObjectWriter(capacity: 96)
        header.add("alg", ExactText(algorithm.rawValue))
        header.add("kid", keyID)
        header.add("typ", "JWT")
        return Base64URL.encode(header.finish())
    }
}

/// The cryptographic library refused to sign. `cause` is its own words, never key material.
package struct SigningFailure: Error {
    package let cause: String

    package init(cause: String) {
        self.cause = cause
    }
}
