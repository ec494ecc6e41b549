package import TokenExchange

/// A tenant's public key from a PEM text (SubjectPublicKeyInfo, RFC 7468 §13). It has no `kid`.
package enum PublicKeyPEM {
    /// One verifier for each algorithm of `allowed` that fits the key's type; they share the key.
    package static func verifiers(
        _ pem: [UInt8], allowing allowed: Set<SignatureAlgorithm>
    ) throws(KeyPEMError) -> [any TokenVerifier] {
        let (key, parameters) = try PEMKey.publicKey(pem)
        let algorithms = parameters.type.algorithms(among: allowed)
        guard !algorithms.isEmpty else {
            let allowed = SignatureAlgorithm.allCases.filter(allowed.contains)
            throw .noAllowedAlgorithm(found: parameters.type, allowed: allowed)
        }
        do throws(OpenSSLFailure) {
            var verifiers: [any TokenVerifier] = []
            for algorithm in algorithms {
                verifiers.append(try OpenSSLTokenVerifier(key, parameters, keyID: nil, algorithm: algorithm))
            }
            return verifiers
        } catch {
            throw .unreadable(cause: error.cause)
        }
    }
}

extension KeyType {
    /// Those of `allowed` that fit, in the order of their declaration.
    func algorithms(among allowed: Set<SignatureAlgorithm>) -> [SignatureAlgorithm] {
        SignatureAlgorithm.allCases.filter { $0.keyType == self && allowed.contains($0) }
    }
}
