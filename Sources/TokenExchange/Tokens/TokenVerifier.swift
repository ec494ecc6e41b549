/// One public key bound to one algorithm: says whether a signature is good, and nothing else.
///
/// The algorithm belongs to the key, never to the token (RFC 8725 §3.1): callers pick a verifier whose `algorithm`
/// equals the token's `alg`, and cannot make it use another.
package protocol TokenVerifier: Sendable {
    /// The JWK's `kid`; nil for a PEM key, which fits any `kid`.
    var keyID: ExactText? { get }
    var algorithm: SignatureAlgorithm { get }
    /// RFC 7638 with SHA-256, base64url: tells keys apart even if their names are the same.
    var thumbprint: ExactText { get }

    /// Whether `signature` is good over the first `count` bytes of `token` (RFC 7515 §5.2, step 8).
    ///
    /// - Parameter signature: raw bytes; for ECDSA R‖S (RFC 7518 §3.4). May have any length and content: false for what
    ///   cannot be a signature.
    func isValid(signature: [UInt8], over token: [UInt8], count: Int) -> Bool
}
