package import TokenExchange

// JOSE: keys, signatures and claims sets, by RFC 7515 to 7519, 7638 and 8037.
//
// This target implements the domain's ports TokenVerifier, TokenSigner, RecordSealer and ClaimsReader. Its folders are
// floors; each knows only those before it:
//
//   1. Keys: public keys, their strength (PublicKeyParameters), and what can be wrong with them. No C.
//   2. OpenSSL: every signature, digest, seal and random byte. A key is parsed once (KeyHandle); the contexts of an
//      operation are set up once and lent from a ContextPool to one thread at a time. No C type leaves the folder.
//      LibJWT: reads the claims of tokens whose signature is already good, and gives a second opinion on signatures. It
//      never decides trust. No C type leaves this folder, either.
//   3. KeySets: an issuer's published set (JWKSetReader), or a tenant's key files (PublicKeyPEM).
//   4. KeyDirectory: our own keys on disk, and the commands that change them (SigningKeyDirectory).
//
// Begin with OpenSSLTokenVerifier below: every key, wherever it comes from, ends up in one of these, or in an
// OpenSSLTokenSigner, for each of its algorithms. Of a token that is not verified, this target sees only bytes.

/// Verifies with one public key. May be used by many threads at once.
package struct OpenSSLTokenVerifier: TokenVerifier {
    package let keyID: ExactText?
    package let algorithm: SignatureAlgorithm
    package let thumbprint: ExactText
    private let key: KeyHandle
    private let parameters: PublicKeyParameters
    private let signatureCount: Int
    private let pool: ContextPool<any SignatureContext>

    /// - Parameter parameters: the public half of `key`; of a type that fits `algorithm`.
    init(
        _ key: KeyHandle, _ parameters: PublicKeyParameters, keyID: ExactText?, algorithm: SignatureAlgorithm
    ) throws(OpenSSLFailure) {
        self.keyID = keyID
        self.algorithm = algorithm
        thumbprint = parameters.thumbprint
        self.key = key
        self.parameters = parameters
        signatureCount = parameters.signatureCount
        pool = try algorithm.makePool(key, for: .verify)
    }

    package func isValid(signature: [UInt8], over token: [UInt8], count: Int) -> Bool {
        guard signature.count == signatureCount, 0...token.count ~= count else { return false }
        let signature = if case .ec = algorithm.keyType { ECDSASignature.der(raw: signature) } else { signature }
        let isValid = try? pool.withContext { context throws(OpenSSLFailure) in
            try OpenSSLErrorQueue.checked {
                unsafe token.withUnsafeBytes { token in
                    unsafe context.isValid(signature, over: UnsafeRawBufferPointer(rebasing: token[..<count]))
                }
            }
        }
        return isValid ?? false
    }

    /// SubjectPublicKeyInfo, to verify by other means (``LibJWTSecondOpinion``); nil if OpenSSL fails.
    package var publicKeyPEM: [UInt8]? { try? key.publicKeyPEM() }
}

extension PublicKeyParameters {
    /// Bytes of every signature: the modulus' length for RSA (RFC 8017 §8.1.2, §8.2.2), R‖S for ECDSA, 64 for Ed25519.
    var signatureCount: Int {
        switch self {
        case .rsa(let modulus, _): modulus.count
        case .ec(let curve, _, _): 2 * curve.coordinateCount
        case .ed25519: 64
        }
    }
}
