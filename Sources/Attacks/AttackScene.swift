import FoundationEssentials
import JOSE
package import TokenExchange

/// The service under attack at one moment: all that a recipe can refer to.
package struct AttackScene: Sendable {
    package static let otherIssuer = "https://id.p.newstore.net/auth/realms/other"

    let keys: AttackKeys
    let algorithm: SignatureAlgorithm
    private let issuer: OpenSSLTokenSigner
    /// The key that the profile names last.
    private let second: OpenSSLTokenSigner
    private let header: [JSONValue.Member]
    private let claims: [JSONValue.Member]
    private let now: UnixTime
    private let publicURL: String
    /// An external identity that the service itself has issued.
    private let externalIdentity: [UInt8]

    /// - Parameters:
    ///   - claims: of a good token that is issued now.
    ///   - publicURL: the `iss` of what the service issues.
    package init(
        _ profile: AttackProfile, keys: AttackKeys, claims: [JSONValue.Member], now: UnixTime, publicURL: String,
        externalIdentity: [UInt8] = []
    ) throws {
        self.keys = keys
        algorithm = keys.modelAlgorithm(profile.keys[0])
        issuer = try keys.issuer.signer(algorithm)
        second = try keys.issuer.signer(profile.keys.last ?? algorithm)
        header = [
            .init("alg", .string(algorithm.rawValue)), .init("typ", .string("JWT")),
            .init("kid", .string(issuer.keyID)),
        ]
        self.claims = Self.lengthened(claims)
        self.now = now
        self.publicURL = publicURL
        self.externalIdentity = externalIdentity
    }

    /// With a `jti` so long that the payload has two bytes modulo three, which cases about base64url count on.
    private static func lengthened(_ claims: [JSONValue.Member]) -> [JSONValue.Member] {
        let rest = JSONValue.object(claims).text.count % 3
        let zeros = String(repeating: "0", count: (5 - rest) % 3)
        return claims.map { $0.name == "jti" ? .init("jti", .string("\($0.value.string ?? "")" + zeros)) : $0 }
    }

    /// Header, dot, payload of the token that all attacks on this profile spoil.
    var goodSigningInput: [UInt8] {
        Base64URL.encode(JSONValue.object(header).text) + [UInt8(ascii: ".")]
            + Base64URL.encode(JSONValue.object(claims).text)
    }

    /// The token that all attacks on this profile spoil.
    package func goodToken() throws -> [UInt8] {
        goodSigningInput + [UInt8(ascii: ".")] + Base64URL.encode(try issuer.signature(over: goodSigningInput))
    }

    package func token(of attack: Attack) throws -> [UInt8] {
        let recipe = attack.recipe
        let header = try recipe.header.segment(of: header, value)
        let payload = try recipe.payload.segment(of: claims, value)
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
        case "stranger_kid": try keys.stranger.signer(algorithm).keyID.bytes
        case "other_kid": try keys.otherRealm.signer(algorithm).keyID.bytes
        case "second_kid": second.keyID.bytes
        case "issuer": claims.first { $0.name == "iss" }?.value.string?.bytes ?? []
        case "other_issuer": Array(Self.otherIssuer.utf8)
        case "service": Array(publicURL.utf8)
        case "model": try goodToken()
        case "external_identity": externalIdentity
        case "stranger_jwk": try keys.stranger.signer(algorithm).publicKey.json.text
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
        get throws {
            Base64URL.decode((try keys.issuer.signer(.rs256).publicKey.json["n"]?.string ?? "").bytes) ?? []
        }
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
        case "modulus": return try modulus
        case "kid": return issuer.keyID.bytes
        case "empty": return []
        default: throw AttackProblem(description: "no secret is called \(spelling)")
        }
    }
}
