package import TokenExchange

/// One of our public keys, as it is published (RFC 7517 §4).
package struct PublicJWK: Sendable {
    package let keyID: ExactText
    package let algorithm: SignatureAlgorithm
    let parameters: PublicKeyParameters

    /// With `kid`, `use` and `alg`.
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
