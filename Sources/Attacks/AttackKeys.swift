package import JOSE
package import TokenExchange

/// Who signs the tokens of the corpus: key pairs made for this run, except for one of the issuer's if it is at hand.
package struct AttackKeys: Sendable {
    /// The private key of a development tenant.
    package struct Development: Sendable {
        package let file: String
        /// What its tokens are signed with.
        package let algorithm: SignatureAlgorithm

        package init(file: String, algorithm: SignatureAlgorithm) {
            self.file = file
            self.algorithm = algorithm
        }
    }

    package let issuer: AttackKeyPairs
    /// Nobody's.
    package let stranger: AttackKeyPairs
    /// Of another tenant on the issuer's host.
    package let otherRealm: AttackKeyPairs
    private let development: Development?

    /// - Throws: if no key can be made, or the file cannot be read.
    package init(_ development: Development? = nil) throws {
        self.development = development
        issuer = try AttackKeyPairs(development)
        stranger = try AttackKeyPairs(nil)
        otherRealm = try AttackKeyPairs(nil)
    }

    /// The algorithm of the model token: of the same type of key as `algorithm`, which the profile asks for.
    func modelAlgorithm(_ algorithm: SignatureAlgorithm) -> SignatureAlgorithm {
        development.map { $0.algorithm.keyType == algorithm.keyType ? $0.algorithm : algorithm } ?? algorithm
    }
}

/// One key of each type that the corpus needs, with all algorithms that it serves.
package struct AttackKeyPairs: Sendable {
    private let signers: [SignatureAlgorithm: OpenSSLTokenSigner]

    fileprivate init(_ development: AttackKeys.Development?) throws {
        var signers: [SignatureAlgorithm: OpenSSLTokenSigner] = [:]
        for type in [SignatureAlgorithm.rs256, .es256, .es384, .edDSA].map(\.keyType) {
            let algorithms = SignatureAlgorithm.allCases.filter { $0.keyType == type }
            let made =
                if let development, development.algorithm.keyType == type {
                    try algorithms.map { try OpenSSLTokenSigner(privateKeyFile: development.file, algorithm: $0) }
                } else {
                    try OpenSSLTokenSigner.throwaway(for: algorithms)
                }
            for signer in made { signers[signer.algorithm] = signer }
        }
        self.signers = signers
    }

    /// - Throws: ``AttackProblem`` for an algorithm that no case of the corpus signs with.
    package func signer(_ algorithm: SignatureAlgorithm) throws -> OpenSSLTokenSigner {
        guard let signer = signers[algorithm] else {
            throw AttackProblem(description: "no key signs with \(algorithm.rawValue)")
        }
        return signer
    }
}
