import JOSE
package import TokenExchange

/// Whether a compact JWS is signed by a key of a JWK set. The rules are those for identity tokens, without the claims.
package struct JWSVerification: Sendable {
    /// The longest JWS. Far more than an identity token may have, because the payload may be any document.
    package static let byteLimit = 1 << 20

    private let keys: IssuerKeySet
    private let algorithms: Set<SignatureAlgorithm>

    /// - Parameters:
    ///   - keySet: the text of a JWK set (RFC 7517 §5).
    ///   - algorithms: the algorithms that a signature may have; empty for all.
    /// - Throws: ``JWSFault/keySet``.
    package init(keySet: [UInt8], algorithms: [SignatureAlgorithm]) throws(JWSFault) {
        self.algorithms = Set(algorithms.isEmpty ? SignatureAlgorithm.allCases : algorithms)
        // The file is the caller's own, and may be our own set with any number of keys.
        let reader = JWKSetReader(byteLimit: 4 << 20, keyLimit: SigningKeyManifest.keyLimit)
        do { keys = IssuerKeySet(try reader.read(keySet, allowing: self.algorithms).verifiers) } catch {
            throw .keySet
        }
    }

    /// The payload of `text`, which may end with one newline.
    package func payload(of text: [UInt8]) throws(JWSFault) -> [UInt8] {
        let bytes = text.last == UInt8(ascii: "\n") ? Array(text.dropLast()) : text
        let jws: CompactJWS
        do {
            jws = try CompactJWS(bytes, limits: TokenLimits(tokenBytes: Self.byteLimit), emptySegments: .allowed)
        } catch { throw JWSFault(error) }
        guard algorithms.contains(jws.algorithm) else { throw .algorithm }
        let verifiers = keys.verifiers(for: IssuerKeyQuery(keyID: jws.keyID, algorithm: jws.algorithm))
        guard !verifiers.isEmpty else { throw .key }
        guard verifiers.contains(where: jws.isSigned) else { throw .signature }
        return jws.payload
    }
}

/// Why a JWS is not accepted. The command prints the raw values.
package enum JWSFault: String, Error, Sendable, CaseIterable {
    case malformed
    case header
    case algorithm
    case key
    case signature
    case keySet = "jwks"

    init(_ refusal: Refusal) {
        switch refusal {
        case .headerMalformed, .headerDuplicateMember, .headerParameterForbidden, .keyIDMalformed: self = .header
        case .algorithmUnknown, .algorithmNotAllowed: self = .algorithm
        default: self = .malformed
        }
    }

    /// What the command's help says about it.
    package var meaning: String {
        switch self {
        case .malformed: "not three segments of canonical base64url, or more than 1 MiB"
        case .header:
            "not a JSON object, a repeated member, an invalid kid, or one of jku, jwk, x5u, x5c, crit, b64, zip"
        case .algorithm: "none, HS256 to HS512, unknown, or not one of --algorithm"
        case .key: "no key of the set has this kid and algorithm; or there is no kid, and not exactly one key fits"
        case .signature: "not made by that key over these bytes"
        case .keySet: "the file cannot be read, or is not a JWK set"
        }
    }
}
