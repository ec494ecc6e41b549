import TokenExchange

/// A public key for signatures, as a JWK Set lists it (RFC 7517 §4).
struct JWK {
    /// In characters; the same as for a token's `kid`, so that no token could name a key with a longer one.
    static let keyIDLimit = 128

    let keyID: ExactText?
    /// Nil if the JWK does not name one.
    let algorithm: SignatureAlgorithm?
    let parameters: PublicKeyParameters

    /// - Throws: the first fault found.
    init(_ members: JWKMembers) throws(JWKFault) {
        let type = try members.string("kty")
        guard let type else { throw JWKFault(.malformed, in: "kty") }
        guard type != "oct" else { throw JWKFault(.symmetricKey, in: "kty") }
        try Self.requireSignatureUse(members)
        if let member = Self.privateMembers.first(where: { members[$0] != nil }) {
            throw JWKFault(.privateKey, in: member)
        }
        keyID = try members.string("kid")?.detached
        guard keyID.map({ $0.scalarCount <= Self.keyIDLimit }) ?? true else {
            throw JWKFault(.keyIDTooLong, in: "kid")
        }
        algorithm = try Self.algorithm(members)
        parameters = try Self.parameters(members, type: type)
        if let algorithm, algorithm.keyType != parameters.type { throw JWKFault(.algorithmDoesNotFitKey, in: "alg") }
        switch parameters.weakness {
        case .rsaModulus: throw JWKFault(.rsaModulusNotAllowed, in: "n")
        case .rsaExponent: throw JWKFault(.rsaExponentNotAllowed, in: "e")
        case nil: break
        }
    }

    /// RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2.
    private static let privateMembers: [ExactText] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// RFC 7517 §4.2 and §4.3: both are optional, and either may rule signatures out.
    private static func requireSignatureUse(_ members: JWKMembers) throws(JWKFault) {
        if let use = members["use"], use != .string("sig") { throw JWKFault(.useNotSignature, in: "use") }
        guard let operations = members["key_ops"] else { return }
        guard case .array(let operations) = operations, operations.contains(.string("verify")) else {
            throw JWKFault(.operationsWithoutVerify, in: "key_ops")
        }
    }

    private static func algorithm(_ members: JWKMembers) throws(JWKFault) -> SignatureAlgorithm? {
        guard let member = members["alg"] else { return nil }
        guard let algorithm = member.string.flatMap(SignatureAlgorithm.init(name:)) else {
            throw JWKFault(.algorithmUnknown, in: "alg")
        }
        return algorithm
    }

    private static func parameters(_ members: JWKMembers, type: ExactText) throws(JWKFault) -> PublicKeyParameters {
        switch type {
        case "RSA":
            // RFC 7518 §6.3.1.1 forbids leading zero octets, and says that they occur all the same.
            return .rsa(
                modulus: Array(try members.bytes("n").drop { $0 == 0 }),
                exponent: Array(try members.bytes("e").drop { $0 == 0 }))
        case "EC":
            guard let curve = try members.string("crv").flatMap(EllipticCurve.init(name:)) else {
                throw JWKFault(.curveUnknown, in: "crv")
            }
            return .ec(
                curve, x: try members.coordinate("x", count: curve.coordinateCount),
                y: try members.coordinate("y", count: curve.coordinateCount))
        case "OKP":
            guard try members.string("crv") == "Ed25519" else { throw JWKFault(.curveUnknown, in: "crv") }
            let x = try members.bytes("x")
            guard x.count == 32 else { throw JWKFault(.pointNotOnCurve, in: "x") }
            return .ed25519(x)
        default: throw JWKFault(.keyTypeUnknown, in: "kty")
        }
    }
}

/// The members of one JWK. Null and empty values count as absent. Members that nothing reads may have any value.
struct JWKMembers {
    private let object: JSONObject

    /// - Parameter object: the element of the set as it is, perhaps with duplicate members.
    init(_ object: JSONObject) throws(JWKFault) {
        self.object = object
        var names: Set<ExactText> = []
        for name in object.names where !names.insert(name).inserted {
            throw JWKFault(.duplicateMember, in: name.detached)
        }
    }

    /// Nil if the member is absent, null or empty.
    subscript(name: ExactText) -> JSONValue? {
        switch object[name] {
        case nil, .null, .string(""), .array([]): nil
        case let value: value
        }
    }

    /// Nil if the member is absent.
    func string(_ name: ExactText) throws(JWKFault) -> ExactText? {
        guard let value = self[name] else { return nil }
        guard let string = value.string else { throw JWKFault(.malformed, in: name) }
        return string
    }

    /// Reads base64 in either alphabet, with or without padding: RFC 7515 §2 has base64url, but some issuers write
    /// base64.
    func bytes(_ name: ExactText) throws(JWKFault) -> [UInt8] {
        guard var text = try string(name)?.bytes else { throw JWKFault(.malformed, in: name) }
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "+"): text[index] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): text[index] = UInt8(ascii: "_")
            default: break
            }
        }
        guard let bytes = Base64URL.decode(text) else { throw JWKFault(.malformed, in: name) }
        return bytes
    }

    /// In the full length of the curve (RFC 7518 §6.2.1.2). Some issuers leave out leading zero octets, like old
    /// releases of Keycloak, or add one, like Java's integers.
    func coordinate(_ name: ExactText, count: Int) throws(JWKFault) -> [UInt8] {
        let significant = try bytes(name).drop { $0 == 0 }
        guard significant.count <= count else { throw JWKFault(.pointNotOnCurve, in: name) }
        return [UInt8](repeating: 0, count: count - significant.count) + significant
    }
}
