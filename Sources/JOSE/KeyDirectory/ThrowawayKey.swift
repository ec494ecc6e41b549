package import TokenExchange

extension OpenSSLTokenSigner {
    /// A new key, which is written nowhere and ends with the signer.
    package static func throwaway(_ algorithm: SignatureAlgorithm) throws(SigningFailure) -> OpenSSLTokenSigner {
        do {
            let key = try KeyHandle.generate(algorithm.keyType, rsaBits: SigningKeyDirectory.rsaBits)
            return try OpenSSLTokenSigner(key.privateKeyPEM(), algorithm: algorithm, keyID: nil)
        } catch { throw SigningFailure(cause: "\(error)") }
    }
}
