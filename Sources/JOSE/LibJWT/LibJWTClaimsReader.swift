import CLibJWT
import Glibc
package import TokenExchange

/// Reads verified claims sets with libjwt 1.10.
///
/// libjwt gets only those claims that are asked for and are strings, as they are written, under no header: it knows
/// neither PS256 nor EdDSA nor `typ: at+jwt`. What it reads must be what our scan has read. All other values are the
/// scan's alone: libjwt reads `exp: 1.5` and `exp: "5"` as 0, rounds numbers to doubles, and refuses a whole claims set
/// for one integer of more than 64 bits.
package struct LibJWTClaimsReader: ClaimsReader {
    package init() {}

    package func claims(_ names: [ExactText], of token: VerifiedToken) throws(ClaimsUnreadable) -> ClaimsSet {
        try Self.claims(names, in: token.claims)
    }

    /// The same without proof that the signature is good; only tests call it directly.
    package static func claims(_ names: [ExactText], in claims: JSONObject) throws(ClaimsUnreadable) -> ClaimsSet {
        var members: [JSONValue.Member] = []
        members.reserveCapacity(names.count)
        var strings: [UInt8] = []
        strings.reserveCapacity(512)
        strings.append(UInt8(ascii: "{"))
        for name in names {
            // To libjwt an empty name means all claims.
            guard !name.isEmpty else { throw ClaimsUnreadable() }
            guard let member = claims.member(name), let value = claims.value(of: member) else { continue }
            if case .string = value { claims.append(member, to: &strings) }
            members.append(.init(name, value))
        }
        strings.append(UInt8(ascii: "}"))
        try confirm(members, in: &strings)
        return ClaimsSet(members)
    }

    /// Two readers of one text must agree on every string, to the byte.
    ///
    /// - Parameter text: an object with the strings among `members`.
    private static func confirm(
        _ members: [JSONValue.Member], in text: inout [UInt8]
    ) throws(ClaimsUnreadable) {
        guard let token = unsafe token(claims: &text) else { throw ClaimsUnreadable() }
        defer { unsafe jwt_free(token) }
        for member in members {
            guard case .string(let string) = member.value else { continue }
            guard unsafe isRead(string, as: member.name, by: token) else { throw ClaimsUnreadable() }
        }
    }

    private static func isRead(_ text: ExactText, as name: ExactText, by token: OpaquePointer) -> Bool {
        let read = unsafe withUnsafeTemporaryAllocation(byteCount: name.count + 1, alignment: 1) { copy in
            unsafe name.withUTF8 { unsafe copy.copyMemory(from: UnsafeRawBufferPointer($0)) }
            unsafe copy[name.count] = 0
            return unsafe jwt_get_grant(token, copy.assumingMemoryBound(to: CChar.self).baseAddress)
        }
        guard let read = unsafe read else { return false }
        let bytes = unsafe UnsafeRawBufferPointer(start: read, count: strlen(read))
        return unsafe text.isEqual(to: bytes.assumingMemoryBound(to: UInt8.self))
    }

    /// - Parameter claims: the text of a claims set; a NUL is added.
    /// - Returns: a `jwt_t` with these claims and no header that the caller frees, or nil if libjwt cannot read them.
    static func token(claims: inout [UInt8]) -> OpaquePointer? {
        var token: OpaquePointer?  // <jwt_t>
        guard unsafe jwt_new(&token) == 0 else { return nil }
        claims.append(0)
        let status = unsafe claims.withUnsafeBytes { claims in
            unsafe jwt_add_grants_json(token, claims.assumingMemoryBound(to: CChar.self).baseAddress)
        }
        if status == 0 { return unsafe token }
        unsafe jwt_free(token)
        return nil
    }
}
