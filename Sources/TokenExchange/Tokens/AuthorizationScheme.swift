/// How a request presents credentials (RFC 9110 §11.4): the scheme's name in any case, spaces, the credentials.
package struct AuthorizationScheme: Sendable {
    /// In lower case.
    private let name: [UInt8]

    /// RFC 6750.
    package static let bearer = AuthorizationScheme("bearer")
    /// RFC 7617.
    package static let basic = AuthorizationScheme("basic")

    private init(_ name: String) {
        self.name = Array(name.utf8)
    }

    /// What follows the name and the spaces; nil if there is another scheme, or none.
    package func credentials(in value: [UInt8]) -> [UInt8]? {
        guard value.count > name.count, zip(value, name).allSatisfy({ $0 | 0x20 == $1 }),
            value[name.count] == UInt8(ascii: " ")
        else { return nil }
        return Array(value[name.count...].drop { $0 == UInt8(ascii: " ") })
    }
}
