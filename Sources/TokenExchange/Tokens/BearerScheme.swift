/// The authentication scheme of RFC 6750, in any case.
package enum BearerScheme {
    private static let name = Array("bearer".utf8)

    /// What follows `Bearer `; nil where the scheme is another or absent.
    package static func credentials(in value: [UInt8]) -> [UInt8]? {
        guard value.count > name.count, zip(value, name).allSatisfy({ $0 | 0x20 == $1 }),
            value[name.count] == UInt8(ascii: " ")
        else { return nil }
        return Array(value[(name.count + 1)...])
    }
}
