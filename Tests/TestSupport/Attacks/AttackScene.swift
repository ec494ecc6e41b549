import Foundation
package import JOSE
package import TokenExchange

/// How the service under attack is set up. The default profile is `rs256`.
package struct AttackProfile: Sendable {
    package let name: String
    package let algorithms: [SignatureAlgorithm]
    /// What the issuer's published keys are bound to; the first signs the model token.
    package let keys: [SignatureAlgorithm]
    package let audiences: [String]
    package let authorizedParties: [String]
    /// Must be in `realm_access.roles`.
    package let role: String?
    /// The external identity needs this claim.
    package let claim: String?

    static func all(in value: JSONValue) throws -> [String: AttackProfile] {
        guard case .object(let members) = value else { throw AttackProblem(description: "profiles: no object") }
        let profiles = try members.map { try AttackProfile(String($0.name), $0.value) }
        return Dictionary(uniqueKeysWithValues: profiles.map { ($0.name, $0) })
    }

    private init(_ name: String, _ value: JSONValue) throws {
        let names: [ExactText] = [
            "description", "algorithms", "keys", "audiences", "authorized_parties", "role", "claim",
        ]
        let object = try StrictObject(value, names, at: "profile \(name)")
        self.name = name
        algorithms = try object.strings("algorithms").compactMap(SignatureAlgorithm.init)
        keys = try object.strings("keys").compactMap(SignatureAlgorithm.init)
        audiences = try object.strings("audiences")
        authorizedParties = try object.strings("authorized_parties")
        role = object["role"]?.string?.description
        claim = object["claim"]?.string?.description
        guard !keys.isEmpty else { throw AttackProblem(description: "profile \(name): no keys") }
    }

    package var issuerKeys: [PublicJWK] { keys.map { AttackKeys.issuer.signer($0).publicKey } }

    package var verifiers: [any TokenVerifier] { keys.map { AttackKeys.issuer.signer($0).verifier } }
}

/// Key pairs made for this run, one of each type.
package struct AttackKeys: Sendable {
    package static let issuer = AttackKeys()
    /// Nobody's.
    package static let stranger = AttackKeys()
    /// Of another tenant on the issuer's host.
    package static let otherRealm = AttackKeys()

    private let signers: [SignatureAlgorithm: OpenSSLTokenSigner]

    private init() {
        let folder = TemporaryFolder()
        var signers: [SignatureAlgorithm: OpenSSLTokenSigner] = [:]
        do {
            for algorithm in [SignatureAlgorithm.rs256, .es256, .es384, .edDSA] {
                let entry = try SigningKeyDirectory(path: folder.path).generate(
                    algorithm: algorithm, at: UnixTime(seconds: 1_764_003_600))
                for other in SignatureAlgorithm.allCases where other.keyType == algorithm.keyType {
                    signers[other] = try OpenSSLTokenSigner(
                        privateKeyFile: "\(folder.path)/\(entry.fileName)", algorithm: other)
                }
            }
        } catch { fatalError("no keys to attack with: \(error)") }
        self.signers = signers
    }

    package func signer(_ algorithm: SignatureAlgorithm) -> OpenSSLTokenSigner {
        guard let signer = signers[algorithm] else { fatalError("no test key for \(algorithm)") }
        return signer
    }
}

/// The service under attack at one moment: all that a recipe can refer to.
package struct AttackScene: Sendable {
    package static let otherIssuer = "https://id.p.newstore.net/auth/realms/other"

    private let profile: AttackProfile
    private let now: UnixTime
    private let publicURL: String
    /// An external identity that the service itself has issued.
    private let externalIdentity: [UInt8]

    package init(_ profile: AttackProfile, now: UnixTime, publicURL: String, externalIdentity: [UInt8] = []) {
        self.profile = profile
        self.now = now
        self.publicURL = publicURL
        self.externalIdentity = externalIdentity
    }

    var algorithm: SignatureAlgorithm { profile.keys[0] }
    private var issuer: OpenSSLTokenSigner { AttackKeys.issuer.signer(algorithm) }

    var model: ModelToken { ModelToken(issuedAt: now, algorithm: algorithm.rawValue, keyID: issuer.keyID) }

    /// The token that all attacks on this profile spoil.
    package func goodToken() throws -> [UInt8] { try model.signed(by: issuer) }

    package func token(of attack: Attack) throws -> [UInt8] {
        let recipe = attack.recipe
        let header = try recipe.header.segment(of: model.header, value)
        let payload = try recipe.payload.segment(of: model.claims, value)
        let signature = try recipe.signature.segment(over: header + [UInt8(ascii: ".")] + payload, in: self, value)
        return try (recipe.token ?? AttackText("${header}.${payload}.${signature}")).bytes { name in
            switch name {
            case "header": header
            case "payload": payload
            case "signature": signature
            default: try value(name)
            }
        }
    }

    private func value(_ name: String) throws -> [UInt8] {
        switch name {
        case "kid": issuer.keyID.bytes
        case "stranger_kid": AttackKeys.stranger.signer(algorithm).keyID.bytes
        case "other_kid": AttackKeys.otherRealm.signer(algorithm).keyID.bytes
        case "second_kid": AttackKeys.issuer.signer(profile.keys.last ?? algorithm).keyID.bytes
        case "issuer": Array(ModelToken.issuer.utf8)
        case "other_issuer": Array(Self.otherIssuer.utf8)
        case "service": Array(publicURL.utf8)
        case "model": try goodToken()
        case "external_identity": externalIdentity
        case "stranger_jwk": AttackKeys.stranger.signer(algorithm).publicKey.json.text
        default: try time(name)
        }
    }

    /// `now`, `now+300`, `now-31`.
    private func time(_ name: String) throws -> [UInt8] {
        guard name.hasPrefix("now"), let offset = name.count == 3 ? 0 : Int64(name.dropFirst(3)) else {
            throw AttackProblem(description: "nothing is called \(name)")
        }
        return Array(String(now.wholeSeconds + offset).utf8)
    }

    // MARK: The issuer's public key

    /// Of the RSA key.
    var modulus: [UInt8] {
        Base64URL.decode((AttackKeys.issuer.signer(.rs256).publicKey.json["n"]?.string ?? "").bytes) ?? []
    }

    func publicKey(_ spelling: String) throws -> [UInt8] {
        guard let verifier = issuer.verifier as? OpenSSLTokenVerifier, let pem = verifier.publicKeyPEM else {
            throw AttackProblem(description: "the issuer's key has no PEM")
        }
        let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n")
        switch spelling {
        case "public_key_pem": return pem
        case "public_key_pem_without_last_newline": return Array(pem.dropLast())
        case "public_key_base64": return Array(lines.dropFirst().dropLast().joined().utf8)
        case "public_key_der": return Array(Data(base64Encoded: lines.dropFirst().dropLast().joined()) ?? Data())
        case "public_key_jwk": return issuer.publicKey.json.text
        case "modulus": return modulus
        case "kid": return issuer.keyID.bytes
        case "empty": return []
        default: throw AttackProblem(description: "no secret is called \(spelling)")
        }
    }
}
