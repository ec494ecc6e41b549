package import TokenExchange

extension OpenSSLTokenSigner {
    /// A new key, which is written nowhere and ends with the signer.
    package static func throwaway(_ algorithm: SignatureAlgorithm) throws(SigningFailure) -> OpenSSLTokenSigner {
        try throwaway(algorithm, [algorithm])[0]
    }

    /// One new key for several algorithms, all of one type of key.
    package static func throwaway(for algorithms: [SignatureAlgorithm]) throws(SigningFailure) -> [OpenSSLTokenSigner] {
        guard let first = algorithms.first else { return [] }
        return try throwaway(first, algorithms)
    }

    private static func throwaway(
        _ first: SignatureAlgorithm, _ algorithms: [SignatureAlgorithm]
    ) throws(SigningFailure) -> [OpenSSLTokenSigner] {
        do {
            let pem = try KeyHandle.generate(first.keyType, rsaBits: SigningKeyDirectory.rsaBits).privateKeyPEM()
            var signers: [OpenSSLTokenSigner] = []
            for algorithm in algorithms {
                signers.append(try OpenSSLTokenSigner(pem, algorithm: algorithm, keyID: nil))
            }
            return signers
        } catch { throw SigningFailure(cause: "\(error)") }
    }
}
