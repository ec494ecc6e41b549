import TokenExchange

/// A public key for signatures as a JWK Set lists it (RFC 7517 §4).
struct JWK {
    /// Longer ones cannot be named by a token, whose `kid` has the same limit.
    static let keyIDLimit = 128

    let keyID: ExactText?
    /// Nil where the JWK leaves it to the reader.
    let algorithm: SignatureAlgorithm?
    let parameters: PublicKeyParameters

    init(_ value: JSONValue) throws(JWKSkipReason) {
        guard case .object(let members) = value, let type = value["kty"]?.string else { throw .malformed }
        guard type != "oct" else { throw .symmetricKey }
        try Self.requireSignatureUse(value)
        guard members.allSatisfy({ !Self.privateMembers.contains($0.name) }) else { throw .privateKey }
        keyID = try Self.keyID(value)
        algorithm = try Self.algorithm(value)
        parameters = try Self.parameters(value, type: type)
        if let algorithm, algorithm.keyType != parameters.type { throw .algorithmDoesNotFitKey }
        switch parameters.weakness {
        case .rsaModulus: throw .rsaModulusNotAllowed
        case .rsaExponent: throw .rsaExponentNotAllowed
        case nil: break
        }
    }

    /// RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2.
    private static let privateMembers: Set<ExactText> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// RFC 7517 §4.2 and §4.3: both are optional, and either may rule signatures out.
    private static func requireSignatureUse(_ value: JSONValue) throws(JWKSkipReason) {
        if let use = value["use"], use != .string("sig") { throw .useNotSignature }
        guard let operations = value["key_ops"] else { return }
        guard case .array(let operations) = operations, operations.contains(.string("verify")) else {
            throw .operationsWithoutVerify
        }
    }

    private static func keyID(_ value: JSONValue) throws(JWKSkipReason) -> ExactText? {
        guard let member = value["kid"] else { return nil }
        guard let keyID = member.string else { throw .malformed }
        guard String(keyID).unicodeScalars.count <= keyIDLimit else { throw .keyIDTooLong }
        return keyID.detached
    }

    private static func algorithm(_ value: JSONValue) throws(JWKSkipReason) -> SignatureAlgorithm? {
        guard let member = value["alg"] else { return nil }
        guard let algorithm = member.string.flatMap(SignatureAlgorithm.init(name:)) else { throw .algorithmUnknown }
        return algorithm
    }

    private static func parameters(_ value: JSONValue, type: ExactText) throws(JWKSkipReason) -> PublicKeyParameters {
        switch type {
        case "RSA":
            // RFC 7518 §6.3.1.1 forbids leading zero octets, and says in the same breath that they occur.
            let (modulus, exponent) = (try bytes("n", of: value), try bytes("e", of: value))
            return .rsa(modulus: Array(modulus.drop { $0 == 0 }), exponent: Array(exponent.drop { $0 == 0 }))
        case "EC":
            guard let curve = value["crv"]?.string.flatMap(EllipticCurve.init(name:)) else { throw .curveUnknown }
            let (x, y) = (try bytes("x", of: value), try bytes("y", of: value))
            guard x.count == curve.coordinateCount, y.count == curve.coordinateCount else { throw .pointNotOnCurve }
            return .ec(curve, x: x, y: y)
        case "OKP":
            guard value["crv"]?.string == "Ed25519" else { throw .curveUnknown }
            let x = try bytes("x", of: value)
            guard x.count == 32 else { throw .pointNotOnCurve }
            return .ed25519(x)
        default: throw .keyTypeUnknown
        }
    }

    private static func bytes(_ name: ExactText, of value: JSONValue) throws(JWKSkipReason) -> [UInt8] {
        guard let text = value[name]?.string, let bytes = Base64URL.decode(text.bytes) else { throw .malformed }
        return bytes
    }
}

/// Why one key of a set is not used. Raw values are stable: they stand in logs and metrics.
package enum JWKSkipReason: String, Error, Sendable, CaseIterable {
    /// No object, or a member that is missing, of the wrong type, or not canonical base64url.
    case malformed
    case symmetricKey = "symmetric_key"
    case keyTypeUnknown = "key_type_unknown"
    case curveUnknown = "curve_unknown"
    case useNotSignature = "use_not_signature"
    case operationsWithoutVerify = "operations_without_verify"
    /// Private members in a published set: the key is known to everybody.
    case privateKey = "private_key"
    case keyIDTooLong = "key_id_too_long"
    case algorithmUnknown = "algorithm_unknown"
    case algorithmDoesNotFitKey = "algorithm_does_not_fit_key"
    /// By the tenant: the JWK's `alg`, or without one every algorithm of its type.
    case algorithmNotAllowed = "algorithm_not_allowed"
    case rsaModulusNotAllowed = "rsa_modulus_not_allowed"
    case rsaExponentNotAllowed = "rsa_exponent_not_allowed"
    /// Or a coordinate of the wrong length (RFC 7518 §6.2.1.2).
    case pointNotOnCurve = "point_not_on_curve"
    /// Another key of the set came first under the same `kid`.
    case keyIDTaken = "key_id_taken"
}
