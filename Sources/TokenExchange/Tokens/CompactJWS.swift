/// A compact JWS (RFC 7515 §7.1) that is well formed, and nothing more: every word in it may be a lie.
///
/// Size is checked before anything is split; exactly three segments; canonical base64url; a header that is a JSON object
/// without duplicate members at any depth. Header parameters that would bring keys, compression or extensions of their own
/// are refused (RFC 8725 §3.10). The payload is bytes.
package struct CompactJWS: Sendable, Redacted {
    package let bytes: [UInt8]
    /// Length of what was signed, which `bytes` begin with: header, dot, payload.
    package let signingInputCount: Int
    package let payload: [UInt8]
    package let signature: [UInt8]
    package let algorithm: SignatureAlgorithm
    package let keyID: ExactText?
    /// The header's `typ`.
    package let type: ExactText?

    /// Whether payload and signature may be of no bytes. RFC 7515 allows both; a JWT has neither.
    package enum EmptySegments: Sendable {
        case refused
        case allowed
    }

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
        self.algorithm = algorithm
        keyID = try Self.keyID(in: header)
        type = try Self.optionalString("typ", in: header)
        self.payload = payload
        self.signature = signature
        self.bytes = bytes
        signingInputCount = segments.payload.upperBound
    }

    /// Whether the signature is good under `verifier`'s key, whose algorithm is for the caller to compare.
    package func isSigned(by verifier: any TokenVerifier) -> Bool {
        verifier.isValid(signature: signature, over: bytes, count: signingInputCount)
    }
}

package struct TokenLimits: Sendable, Equatable {
    /// Of the compact serialization.
    package let tokenBytes: Int
    /// Of the header and of the claims set, each.
    package let json: JSONLimits

    package init(tokenBytes: Int = 8192, json: JSONLimits = JSONLimits()) {
        self.tokenBytes = tokenBytes
        self.json = json
    }
}

extension CompactJWS {
    /// Never a source of keys, never an extension that we would have to understand.
    static let forbiddenParameters: [ExactText] = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"]

    /// A longer `kid` names no key of any issuer we know of, and would only fill logs and caches.
    static let maximumKeyIDLength = 128

    private static func segments(
        of bytes: [UInt8], _ emptySegments: EmptySegments
    ) throws(Refusal) -> (header: Range<Int>, payload: Range<Int>, signature: Range<Int>) {
        let dot = UInt8(ascii: ".")
        guard let first = bytes.firstIndex(of: dot), let second = bytes[(first + 1)...].firstIndex(of: dot),
            !bytes[(second + 1)...].contains(dot), first > 0,
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
        guard header.contains("kid") else { return nil }
        guard let keyID = header.string("kid"), 1...maximumKeyIDLength ~= String(keyID).unicodeScalars.count else {
            throw .keyIDMalformed
        }
        return keyID
    }

    private static func optionalString(_ name: ExactText, in header: JSONObject) throws(Refusal) -> ExactText? {
        guard header.contains(name) else { return nil }
        guard let string = header.string(name) else { throw .headerMalformed }
        return string
    }
}
