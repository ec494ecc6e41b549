import TokenExchange

/// Why one key of a set is not used. Raw values are stable: they are in logs.
package enum JWKSkipReason: String, Sendable, CaseIterable {
    /// Not an object, or a member is missing, of the wrong type, or not base64.
    case malformed
    case duplicateMember = "duplicate_member"
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
    /// The tenant does not allow the JWK's `alg`, or for a JWK without one, any algorithm of its type.
    case algorithmNotAllowed = "algorithm_not_allowed"
    case rsaModulusNotAllowed = "rsa_modulus_not_allowed"
    case rsaExponentNotAllowed = "rsa_exponent_not_allowed"
    /// Or a coordinate that is too long (RFC 7518 §6.2.1.2).
    case pointNotOnCurve = "point_not_on_curve"
    /// Earlier keys of the set have the same `kid`, for each algorithm that this one could serve.
    case keyIDTaken = "key_id_taken"
}

/// What is wrong with one key of a set.
struct JWKFault: Error {
    let reason: JWKSkipReason
    /// Nil if the element as a whole is wrong.
    let member: ExactText?

    init(_ reason: JWKSkipReason, in member: ExactText? = nil) {
        self.reason = reason
        self.member = member
    }
}

/// One key of a set that is not used, for the operator.
package struct SkippedJWK: Sendable, Equatable {
    /// In the set, from 0.
    let index: Int
    /// Nil if the element has no `kid` that can be read.
    let keyID: ExactText?
    let member: ExactText?
    package let reason: JWKSkipReason
}

extension SkippedJWK: CustomStringConvertible {
    /// `keys[2] (kid "a1"): alg: algorithm_unknown`. The names are the issuer's text, cut and escaped.
    package var description: String {
        "keys[\(index)]" + (keyID.map { " (kid \($0.excerpt))" } ?? "") + ": "
            + (member.map { "\($0.isPlain ? $0.description : $0.excerpt): " } ?? "") + reason.rawValue
    }
}

extension ExactText {
    fileprivate var isPlain: Bool {
        count <= 16
            && bytes.allSatisfy { $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
    }
}
