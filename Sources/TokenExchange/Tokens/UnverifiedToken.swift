/// A compact JWS (RFC 7515 §7.1) that is well formed, and nothing more: every word in it may be a lie.
///
/// Size is checked before anything is split; exactly three non-empty segments; canonical base64url; header and claims
/// are JSON objects without duplicate members at any depth. Header parameters that would bring keys, compression or
/// extensions of their own are refused (RFC 8725 §3.10).
package struct UnverifiedToken: Sendable, Redacted {
    package let bytes: [UInt8]
    /// The first so many of `bytes` are what was signed: header, dot, payload.
    package let signingInputCount: Int
    package let signature: [UInt8]
    package let algorithm: SignatureAlgorithm
    package let keyID: String?
    /// The header's `typ`.
    package let type: String?
    /// The payload's `iss`, which only selects whose keys the signature is checked with.
    package let claimedIssuer: String
    /// The claims set, which nobody may act upon yet but by way of ``claimedIssuer``.
    package let claims: JSONObject

    package init(_ bytes: [UInt8], limits: TokenLimits) throws(Refusal) {
        guard bytes.count <= limits.tokenBytes else { throw .tokenTooLarge }
        let segments = try Self.segments(of: bytes)
        let header = try Self.header(bytes[segments.header], limits: limits.json)
        guard let algorithm = header.string("alg").flatMap(SignatureAlgorithm.init) else { throw .algorithmUnknown }
        self.algorithm = algorithm
        keyID = try Self.keyID(in: header)
        type = try Self.optionalString("typ", in: header)
        claims = try Self.claims(bytes[segments.payload], limits: limits.json)
        guard let issuer = claims.string("iss") else { throw .issuerUnknown }
        claimedIssuer = issuer
        guard let signature = Base64URL.decode(bytes[segments.signature]) else { throw .notBase64URL }
        self.signature = signature
        self.bytes = bytes
        signingInputCount = segments.payload.upperBound
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

extension UnverifiedToken {
    /// Never a source of keys, never an extension that we would have to understand.
    private static let forbiddenParameters = ["jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"]

    /// A longer `kid` names no key of any issuer we know of, and would only fill logs and caches.
    private static let maximumKeyIDLength = 128

    private static func segments(
        of bytes: [UInt8]
    ) throws(Refusal) -> (header: Range<Int>, payload: Range<Int>, signature: Range<Int>) {
        let dot = UInt8(ascii: ".")
        guard let first = bytes.firstIndex(of: dot), let second = bytes[(first + 1)...].firstIndex(of: dot),
            !bytes[(second + 1)...].contains(dot),
            first > 0, second > first + 1, bytes.count > second + 1
        else { throw .notThreeSegments }
        return (0..<first, (first + 1)..<second, (second + 1)..<bytes.count)
    }

    private static func header(_ segment: ArraySlice<UInt8>, limits: JSONLimits) throws(Refusal) -> JSONObject {
        guard let text = Base64URL.decode(segment) else { throw .notBase64URL }
        let header: JSONObject
        do { header = try JSONObject(text, limits: limits) } catch {
            throw error == .duplicateMember ? .headerDuplicateMember : .headerMalformed
        }
        guard !forbiddenParameters.contains(where: header.contains) else { throw .headerParameterForbidden }
        return header
    }

    private static func keyID(in header: JSONObject) throws(Refusal) -> String? {
        guard header.contains("kid") else { return nil }
        guard let keyID = header.string("kid"), 1...maximumKeyIDLength ~= keyID.unicodeScalars.count else {
            throw .keyIDMalformed
        }
        return keyID
    }

    private static func optionalString(_ name: String, in header: JSONObject) throws(Refusal) -> String? {
        guard header.contains(name) else { return nil }
        guard let string = header.string(name) else { throw .headerMalformed }
        return string
    }

    private static func claims(_ segment: ArraySlice<UInt8>, limits: JSONLimits) throws(Refusal) -> JSONObject {
        guard let text = Base64URL.decode(segment) else { throw .notBase64URL }
        do { return try JSONObject(text, limits: limits) } catch {
            throw error == .duplicateMember ? .claimsDuplicateMember : .claimsMalformed
        }
    }
}
