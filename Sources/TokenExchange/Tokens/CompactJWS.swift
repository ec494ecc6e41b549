/// A well-formed compact JWS (RFC 7515 §7.1). It is not verified: nothing in it can be trusted.
///
/// Its size is within limits (this is checked first); it has exactly three segments of canonical base64url; its header
/// is a JSON object without duplicate members at any depth. Header parameters that bring keys, compression or
/// extensions are refused (RFC 8725 §3.10). The payload is just bytes.
package struct CompactJWS: Sendable, Redacted {
    package let bytes: [UInt8]
    /// Length of the signing input (header, dot, payload), a prefix of `bytes`.
    package let signingInputCount: Int
    /// Decoded.
    package let payload: [UInt8]
    /// Decoded.
    package let signature: [UInt8]
    package let algorithm: SignatureAlgorithm
    /// The header's `kid`; nil if it has none.
    package let keyID: ExactText?
    /// The header's `typ`; nil if it has none.
    package let type: ExactText?

    /// Whether payload and signature may be empty. RFC 7515 allows it; in a JWT neither is.
    package enum EmptySegments: Sendable {
        case refused
        case allowed
    }

    /// - Throws: the first fault found.
    package init(
        _ bytes: [UInt8], limits: TokenLimits, emptySegments: EmptySegments = .refused
    ) throws(Refusal) {
        guard bytes.count <= limits.tokenBytes else { throw .tokenTooLarge }
        let segments = try Self.segments(of: bytes, emptySegments)
        guard let headerText = Base64URL.decode(bytes[segments.header]),
            let payload = Base64URL.decode(bytes[segments.payload]),
            let signature = Base64URL.decode(bytes[segments.signature])
        else { throw .notBase64URL }
        let header = try Self.header(headerText, limits: limits.json)
        guard let algorithm = header.string("alg").flatMap(SignatureAlgorithm.init(name:)) else {
            throw .algorithmUnknown
        }
        let keyID = try Self.keyID(in: header)
        let type = try Self.optionalString("typ", in: header)
        self.algorithm = algorithm
        self.keyID = keyID
        self.type = type
        self.payload = payload
        self.signature = signature
        self.bytes = bytes
        signingInputCount = segments.payload.upperBound
    }

    /// Whether the signature is good under `verifier`'s key. The caller has made sure that the algorithms are the same.
    package func isSigned(by verifier: any TokenVerifier) -> Bool {
        verifier.isValid(signature: signature, over: bytes, count: signingInputCount)
    }
}

/// Limits for tokens from outside.
package struct TokenLimits: Sendable, Equatable {
    /// Length of the compact serialization.
    package let tokenBytes: Int
    /// Of the header and of the claims set, each.
    package let json: JSONLimits

    package init(tokenBytes: Int = 8192, json: JSONLimits = JSONLimits()) {
        self.tokenBytes = tokenBytes
        self.json = json
    }
}

extension CompactJWS {
    /// They bring keys, or extensions that we would have to understand.
    static let forbiddenParameters: [ExactText] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"]

    /// In characters. No issuer that we know of has a longer `kid`, which would only fill logs and caches.
    static let maximumKeyIDLength = 128

    private static func segments(
        of bytes: [UInt8], _ emptySegments: EmptySegments
    ) throws(Refusal) -> (header: Range<Int>, payload: Range<Int>, signature: Range<Int>) {
        let (first, second, third) = bytes.withUnsafeBufferPointer { bytes in
            let first = bytes.position(of: ".", from: 0)
            let second = first.flatMap { bytes.position(of: ".", from: $0 + 1) }
            return (first, second, second.flatMap { bytes.position(of: ".", from: $0 + 1) })
        }
        guard let first, let second, third == nil, first > 0,
            emptySegments == .allowed || second > first + 1 && bytes.count > second + 1
        else { throw .notThreeSegments }
        return (0..<first, (first + 1)..<second, (second + 1)..<bytes.count)
    }

    private static func header(_ text: [UInt8], limits: JSONLimits) throws(Refusal) -> JSONObject {
        let header: JSONObject
        do { header = try JSONObject(text, limits: limits) } catch {
            throw error == .duplicateMember ? .headerDuplicateMember : .headerMalformed
        }
        guard !forbiddenParameters.contains(where: header.contains) else { throw .headerParameterForbidden }
        return header
    }

    private static func keyID(in header: JSONObject) throws(Refusal) -> ExactText? {
        guard let member = header.member("kid") else { return nil }
        guard let keyID = header.string(of: member), 1...maximumKeyIDLength ~= keyID.scalarCount else {
            throw .keyIDMalformed
        }
        return keyID
    }

    private static func optionalString(_ name: ExactText, in header: JSONObject) throws(Refusal) -> ExactText? {
        guard let member = header.member(name) else { return nil }
        guard let string = header.string(of: member) else { throw .headerMalformed }
        return string
    }
}
