import CLibJWT
package import TokenExchange

/// Reads verified claims sets with libjwt 1.10.
///
/// libjwt gets an unsecured JWT (RFC 7519 §6) with our own header, since it knows neither PS256 nor EdDSA nor
/// `typ: at+jwt`, and with only those claims that are asked for and are strings. All other values are taken from our
/// own scan: libjwt reads `exp: 1.5` and `exp: "5"` as 0, rounds numbers to doubles, and refuses a whole claims set for
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
        var values: [ExactText: JSONValue] = [:]
        values.reserveCapacity(names.count)
        for name in names {
            // To libjwt an empty name means all claims.
            guard !name.isEmpty else { throw ClaimsUnreadable() }
            values[name] = claims[name]
        }
        let strings = values.filter { $0.value.string != nil }.map(\.key)
        guard let token = unsafe Self.decode(claims.text(keeping: strings)) else { throw ClaimsUnreadable() }
        defer { unsafe jwt_free(token) }
        for name in strings {
            guard let string = unsafe jwt_get_grant(token, String(name)) else { throw ClaimsUnreadable() }
            values[name] = .string(unsafe String(cString: string))
        }
        return ClaimsSet(values)
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
