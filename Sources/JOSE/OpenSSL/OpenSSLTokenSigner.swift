package import TokenExchange

/// Signs with one private key. May be used by many threads at once.
package struct OpenSSLTokenSigner: TokenSigner {
    package let keyID: ExactText
    package let algorithm: SignatureAlgorithm
    package let signatureCount: Int
    package let header: [UInt8]
    /// The public half, for our own checks.
    package let verifier: any TokenVerifier
    /// The public half, as it is published.
    package let publicKey: PublicJWK
    private let pool: ContextPool<any SignatureContext>

    /// - Parameters:
    ///   - privateKeyPEM: PKCS#8, or the older forms of RSA and EC; not encrypted. The caller's copy is not erased.
    ///   - keyID: nil for the RFC 7638 thumbprint.
    package init(
        privateKeyPEM: [UInt8], algorithm: SignatureAlgorithm, keyID: ExactText? = nil
    ) throws(KeyPEMError) {
        try self.init(SecretBytes(copying: privateKeyPEM), algorithm: algorithm, keyID: keyID)
    }

    /// - Throws: also if the public half in the PEM text does not belong to the private one.
    init(
        _ pem: borrowing SecretBytes, algorithm: SignatureAlgorithm, keyID: ExactText?,
        passphrase: KeyPassphrase.Source = { nil }
    ) throws(KeyPEMError) {
        let (key, parameters) = try PEMKey.privateKey(pem, passphrase: passphrase)
        guard parameters.type == algorithm.keyType else {
            throw .wrongKeyType(expected: algorithm.keyType, found: parameters.type)
        }
        do throws(OpenSSLFailure) {
            try self.init(key, parameters, algorithm: algorithm, keyID: keyID)
        } catch {
            throw .unreadable(cause: error.cause)
        }
        guard hasMatchingHalves else { throw .halvesDoNotMatch }
    }

    private init(
        _ key: KeyHandle, _ parameters: PublicKeyParameters, algorithm: SignatureAlgorithm, keyID: ExactText?
    ) throws(OpenSSLFailure) {
        self.keyID = keyID ?? parameters.thumbprint
        self.algorithm = algorithm
        signatureCount = parameters.signatureCount
        header = Self.encodedHeader(algorithm, keyID: self.keyID)
        publicKey = PublicJWK(keyID: self.keyID, algorithm: algorithm, parameters: parameters)
        verifier = try OpenSSLTokenVerifier(
            KeyHandle(parameters), parameters, keyID: self.keyID, algorithm: algorithm)
        pool = try algorithm.makePool(key, for: .sign)
    }

    /// A file may contain a public half. If it belongs to another private half, nobody could verify the signatures.
    private var hasMatchingHalves: Bool {
        let message = Array("countersign".utf8)
        guard let signature = try? signature(over: message) else { return false }
        return verifier.isValid(signature: signature, over: message, count: message.count)
    }

    package func signature(over signingInput: [UInt8]) throws(SigningFailure) -> [UInt8] {
        let capacity = signatureCount + ECDSASignature.maximumOverhead
        do throws(OpenSSLFailure) {
            return try pool.withContext { context throws(OpenSSLFailure) in
                try OpenSSLErrorQueue.checked {
                    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
                        let count = unsafe signingInput.withUnsafeBytes { unsafe context.sign($0, into: memory) }
                        guard let count else { return nil }
                        let signature = unsafe memory[..<count]
                        guard case .ec(let curve) = algorithm.keyType else { return unsafe Array(signature) }
                        return unsafe ECDSASignature.raw(der: signature, coordinateCount: curve.coordinateCount)
                    }
                }
            }
        } catch {
            throw SigningFailure(cause: error.cause)
        }
    }
}
