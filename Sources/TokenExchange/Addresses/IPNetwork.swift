/// All addresses that begin with the same bits. An IPv4 network contains no IPv6 address, and vice versa.
package struct IPNetwork: Hashable, Sendable {
    package let lowestAddress: IPAddress
    /// How many bits are the same, from 0 to 128; for IPv4, 96 more than in its text.
    private let prefixLength: Int

    /// The network of this size that contains `address`.
    /// - Parameter prefixLength: from 0 to 128; at least 96 for IPv4.
    package init(around address: IPAddress, prefixLength: Int) {
        lowestAddress = IPAddress(bits: address.bits & ~(UInt128.max >> prefixLength))
        self.prefixLength = prefixLength
    }

    /// False for an address of the other family.
    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == lowestAddress.isIPv4 && (address.bits ^ lowestAddress.bits) >> (128 - prefixLength) == 0
    }

    /// Whether it covers all of IPv4, or all of IPv6.
    package var isEverything: Bool { prefixLength == (lowestAddress.isIPv4 ? 96 : 0) }
}

extension IPNetwork: CustomStringConvertible {
    /// Reads an address, which is a network of one, or an address and prefix length (CIDR, RFC 4632 §3.1,
    /// RFC 4291 §2.3). Nil for anything else. Bits after the prefix are cleared: `10.1.2.3/8` is 10.0.0.0/8.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(around: address, prefixLength: 128)
            return
        }
        // Canonical decimal only: no sign, no leading zero.
        let isDecimals = parts[0].contains(UInt8(ascii: ".")) && !parts[0].contains(UInt8(ascii: ":"))
        let length = Int(String(decoding: parts[1], as: UTF8.self))
        guard let length, String(length).utf8.elementsEqual(parts[1]), (0...(isDecimals ? 32 : 128)).contains(length)
        else { return nil }
        self.init(around: address, prefixLength: isDecimals ? 96 + length : length)
    }

    package var description: String {
        guard prefixLength < 128 else { return lowestAddress.description }
        return "\(lowestAddress)/\(lowestAddress.isIPv4 ? prefixLength - 96 : prefixLength)"
    }
}

/// Networks that are treated the same, such as those of trusted proxies.
package struct IPNetworkSet: Hashable, Sendable {
    package let networks: [IPNetwork]

    package init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    /// Whether any of the networks contains `address`; false for an empty set.
    package func contains(_ address: IPAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }
}
