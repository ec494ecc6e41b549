import Foundation
package import JOSE
package import TokenExchange

/// Private keys made for this run, one per algorithm, each made once.
package enum TestKeys {
    /// The issuer's.
    package static let rs256 = make(.rs256)
    /// Nobody's: for signatures that must not be accepted.
    package static let stranger = make(.rs256)
    package static let es256 = make(.es256)
    package static let edDSA = make(.edDSA)

    /// A fresh key in a directory of its own, which is removed again.
    package static func make(_ algorithm: SignatureAlgorithm) -> OpenSSLTokenSigner {
        let folder = TemporaryFolder()
        do {
            let entry = try SigningKeyDirectory(path: folder.path).generate(
                algorithm: algorithm, at: UnixTime(seconds: 1_764_003_600))
            return try OpenSSLTokenSigner(privateKeyFile: "\(folder.path)/\(entry.fileName)", algorithm: algorithm)
        } catch {
            fatalError("no test key: \(error)")
        }
    }

    /// The public half of a key as an issuer's set lists it under another `kid`.
    package static func verifier(
        of signer: OpenSSLTokenSigner = rs256, named keyID: ExactText
    ) throws -> any TokenVerifier {
        guard case .object(let members) = signer.publicKey.json else { fatalError("a key is an object") }
        let key = JSONValue.object(members.filter { $0.name != "kid" } + [.init("kid", .string(keyID))])
        let set = try JWKSetReader().read(
            JSONValue.object([.init("keys", .array([key]))]).text, allowing: [signer.algorithm])
        guard let verifier = set.verifiers.first else { throw JWKSetUnreadable.noKeysMember }
        return verifier
    }

    /// A key ring with one active ES256 key.
    package static let ring = SigningKeyRing(
        signers: [es256], verifiers: [es256.verifier], publishedKeySet: PublicJWK.set([es256.publicKey]))
}
