import TokenExchange

/// A public key by RFC 7518 §6 and RFC 8037 §2; integers are big-endian.
enum PublicKeyParameters: Sendable, Equatable {
    /// Without leading zero octets.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// Each coordinate in the full length of the curve.
    case ec(EllipticCurve, x: [UInt8], y: [UInt8])
    case ed25519([UInt8])

    /// NIST SP 800-131A Rev. 2 §3 forbids fewer; with more than 8192 a verification would take milliseconds.
    static let rsaBits = 2048...8192

    var type: KeyType {
        switch self {
        case .rsa: .rsa
        case .ec(let curve, _, _): .ec(curve)
        case .ed25519: .ed25519
        }
    }

    /// Nil if the key is strong enough.
    var weakness: KeyWeakness? {
        guard case .rsa(let modulus, let exponent) = self else { return nil }
        let bits = Self.bits(of: modulus)
        guard Self.rsaBits ~= bits, modulus.last.map({ $0 & 1 == 1 }) == true else { return .rsaModulus(bits: bits) }
        guard Self.bits(of: exponent) >= 17, exponent.last.map({ $0 & 1 == 1 }) == true else { return .rsaExponent }
        return nil
    }

    /// Of an integer without leading zero octets.
    private static func bits(of integer: [UInt8]) -> Int {
        integer.first.map { integer.count * 8 - $0.leadingZeroBitCount } ?? 0
    }
}

/// Why a well-formed public key is not used.
package enum KeyWeakness: Sendable, Equatable {
    /// Outside 2048…8192 bits, or even.
    case rsaModulus(bits: Int)
    /// Even, or below 65537.
    case rsaExponent
}

// MARK: - JWK

extension PublicKeyParameters {
    /// The members that make up the key, in the order of RFC 7638 §3.2 (lexicographic).
    var members: [JSONValue.Member] {
        switch self {
        case .rsa(let modulus, let exponent):
            [.init("e", .base64URL(exponent)), .init("kty", .string("RSA")), .init("n", .base64URL(modulus))]
        case .ec(let curve, let x, let y):
            [
                .init("crv", .string(curve.rawValue)), .init("kty", .string("EC")),
                .init("x", .base64URL(x)), .init("y", .base64URL(y)),
            ]
        case .ed25519(let x):
            [.init("crv", .string("Ed25519")), .init("kty", .string("OKP")), .init("x", .base64URL(x))]
        }
    }
}

extension JSONValue {
    fileprivate static func base64URL(_ bytes: [UInt8]) -> JSONValue { .string(Base64URL.text(bytes)) }
}
