package import TokenExchange

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
        let isValid = try? pool.withContext { context in
            unsafe token.withUnsafeBytes { token in
                unsafe context.isValid(signature, over: UnsafeRawBufferPointer(rebasing: token[..<count]))
            }
        }
        return isValid ?? false
    }

    /// SubjectPublicKeyInfo, for those who verify by other means (``LibJWTSecondOpinion``); nil if OpenSSL fails.
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
