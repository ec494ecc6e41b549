package import TokenExchange

/// What kind of key an algorithm needs (RFC 7518 §3.1, RFC 8037 §3.1).
package enum KeyType: Sendable, Hashable {
    case rsa
    case ec(EllipticCurve)
    case ed25519
}

/// The curves of RFC 7518 §6.2.1.1; raw values are `crv`.
package enum EllipticCurve: String, Sendable, CaseIterable {
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// - Parameter name: the `crv` of a JWK.
    init?(name: ExactText) {
        guard let curve = Self.allCases.first(where: { ExactText($0.rawValue) == name }) else { return nil }
        self = curve
    }

    /// Bytes of a coordinate, and of each half of a signature.
    var coordinateCount: Int {
        switch self {
        case .p256: 32
        case .p384: 48
        case .p521: 66
        }
    }
}

extension SignatureAlgorithm {
    /// The kind of key that it needs.
    package var keyType: KeyType {
        switch self {
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .ec(.p256)
        case .es384: .ec(.p384)
        case .es512: .ec(.p521)
        case .edDSA: .ed25519
        }
    }
}

extension KeyType: CustomStringConvertible {
    package var description: String {
        switch self {
        case .rsa: "RSA"
        case .ec(let curve): "EC \(curve.rawValue)"
        case .ed25519: "Ed25519"
        }
    }
}
