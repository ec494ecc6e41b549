package import TokenExchange

/// A public key of ours as verifiers fetch it (RFC 7517 §4).
package struct PublicJWK: Sendable {
    package let keyID: ExactText
    package let algorithm: SignatureAlgorithm
    let parameters: PublicKeyParameters

    package var json: JSONValue {
        .object(
            parameters.members + [
                .init("kid", .string(keyID)), .init("use", .string("sig")), .init("alg", .string(algorithm.rawValue)),
            ])
    }

    /// RFC 7638 with SHA-256, base64url.
    package var thumbprint: ExactText { parameters.thumbprint }

    /// The JWK set document (RFC 7517 §5) of `keys`.
    package static func set(_ keys: [PublicJWK]) -> [UInt8] {
        JSONValue.object([.init("keys", .array(keys.map(\.json)))]).text
    }
}
