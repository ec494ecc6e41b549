import CLibJWT
import Glibc
package import TokenExchange

/// Reads verified claims sets with libjwt 1.10.
///
/// libjwt gets an unsecured JWT (RFC 7519 §6) with our own header, since it knows neither PS256 nor EdDSA nor
/// `typ: at+jwt`, and with only those claims that are asked for and are strings. What it reads must be what our scan
/// has read. All other values are the scan's alone: libjwt reads `exp: 1.5` and `exp: "5"` as 0, rounds numbers to doubles, and refuses a whole claims set for
/// one integer of more than 64 bits.
package struct LibJWTClaimsReader: ClaimsReader {
    /// `{"alg":"none"}`
    private static let header = Array("eyJhbGciOiJub25lIn0.".utf8)

    package init() {}

    package func claims(_ names: [ExactText], of token: VerifiedToken) throws(ClaimsUnreadable) -> ClaimsSet {
        try Self.claims(names, in: token.claims)
    }

    /// The same without proof that the signature is good; only tests call it directly.
    package static func claims(_ names: [ExactText], in claims: JSONObject) throws(ClaimsUnreadable) -> ClaimsSet {
        var members: [JSONValue.Member] = []
        members.reserveCapacity(names.count)
        for name in names where !members.contains(where: { $0.name == name }) {
            // To libjwt an empty name means all claims.
            guard !name.isEmpty else { throw ClaimsUnreadable() }
            if let value = claims[name] { members.append(.init(name, value)) }
        }
        try confirm(members, in: claims)
        return ClaimsSet(members)
    }

    /// Two readers of one text must agree on every string, to the byte.
    private static func confirm(
        _ members: [JSONValue.Member], in claims: JSONObject
    ) throws(ClaimsUnreadable) {
        let strings = members.filter { $0.value.string != nil }
        guard let token = unsafe decode(claims.text(keeping: strings.map(\.name))) else {
            throw ClaimsUnreadable()
        }
        defer { unsafe jwt_free(token) }
        var name: [UInt8] = []
        name.reserveCapacity(64)
        for member in strings {
            name.removeAll(keepingCapacity: true)
            unsafe member.name.withUTF8 { unsafe name.append(contentsOf: $0) }
            name.append(0)
            guard let text = member.value.string, unsafe isRead(text, as: name, by: token) else {
                throw ClaimsUnreadable()
            }
        }
    }

    /// - Parameter name: ends with a NUL.
    private static func isRead(_ text: ExactText, as name: [UInt8], by token: OpaquePointer) -> Bool {
        let read = unsafe name.withUnsafeBytes { name in
            unsafe jwt_get_grant(token, name.assumingMemoryBound(to: CChar.self).baseAddress)
        }
        guard let read = unsafe read else { return false }
        return unsafe text.withUTF8 { text in
            guard unsafe strlen(read) == text.count else { return false }
            guard let start = text.baseAddress else { return true }
            return unsafe memcmp(read, start, text.count) == 0
        }
    }

    /// - Returns: a `jwt_t` that the caller frees, or nil.
    static func decode(_ claims: [UInt8]) -> OpaquePointer? {
        var text = header
        text.reserveCapacity(header.count + Base64URL.encodedCount(of: claims.count) + 2)
        Base64URL.append(claims, to: &text)
        text.append(UInt8(ascii: "."))
        text.append(0)
        var token: OpaquePointer?  // <jwt_t>
        let status = unsafe text.withUnsafeBytes { text in
            unsafe jwt_decode(&token, text.assumingMemoryBound(to: CChar.self).baseAddress, nil, 0)
        }
        return unsafe status == 0 ? token : nil
    }
}
