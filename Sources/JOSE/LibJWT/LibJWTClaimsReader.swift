import CLibJWT
package import TokenExchange

/// Reads verified claims sets with libjwt 1.10.
///
/// libjwt sees an unsecured JWT (RFC 7519 §6) whose header is ours and whose claims are those that somebody asks for,
/// whatever algorithm the token had: it knows neither PS256 nor EdDSA nor `typ: at+jwt`. Its time grows with what it
/// reads: 20 to 30 µs for all of an associate's claims, a third of that for those that are asked for. It reads strings
/// itself; its numbers are of no use (`exp: 1.5` and `exp: "5"` both read as 0), so all other types come as JSON text.
package struct LibJWTClaimsReader: ClaimsReader {
    /// `{"alg":"none"}`
    private static let header = Array("eyJhbGciOiJub25lIn0.".utf8)

    package init() {}

    package func claims(_ names: [ExactText], in claims: JSONObject) throws(ClaimsUnreadable) -> ClaimsSet {
        guard let token = unsafe Self.decode(claims.text(keeping: names)) else { throw ClaimsUnreadable() }
        defer { unsafe jwt_free(token) }
        var values: [ExactText: JSONValue] = [:]
        values.reserveCapacity(names.count)
        for name in names where claims.contains(name) { values[name] = try unsafe Self.value(name, of: token) }
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

    /// - Parameter name: of a claim that is there.
    private static func value(_ name: ExactText, of token: OpaquePointer) throws(ClaimsUnreadable) -> JSONValue {
        // To libjwt an empty name means all claims.
        guard !name.isEmpty else { throw ClaimsUnreadable() }
        if let string = unsafe jwt_get_grant(token, String(name)) { return .string(unsafe String(cString: string)) }
        guard let text = unsafe jwt_get_grants_json(token, String(name)) else { throw ClaimsUnreadable() }
        defer { unsafe free(text) }
        let bytes = unsafe Array(String(cString: text).utf8)
        do { return try JSONValue(parsing: bytes, limits: scanned).withShortestNumbers } catch {
            throw ClaimsUnreadable()
        }
    }

    /// The scan of the whole claims set has kept its limits already.
    private static let scanned = JSONLimits(depth: .max, members: .max)
}

extension JSONValue {
    /// jansson writes 1.1 with 17 digits (`1.1000000000000001`); Swift writes the shortest text of the same number.
    fileprivate var withShortestNumbers: JSONValue {
        switch self {
        case .number(let literal)
        where !literal.bytes.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") }):
            .number(literal: Double(String(literal))?.description ?? String(literal))
        case .array(let values): .array(values.map(\.withShortestNumbers))
        case .object(let members): .object(members.map { Member($0.name, $0.value.withShortestNumbers) })
        default: self
        }
    }
}
