/// The authentication scheme of RFC 6750, in any case.
package enum BearerScheme {
    private static let prefix = Array("bearer ".utf8)

    /// What follows `Bearer `; nil where the scheme is another or absent.
    package static func credentials(in value: [UInt8]) -> [UInt8]? {
        guard value.count >= prefix.count, zip(value, prefix).allSatisfy({ $0 | 0x20 == $1 }) else { return nil }
        return Array(value[prefix.count...])
    }
}
