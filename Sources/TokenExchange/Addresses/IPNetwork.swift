/// The addresses that begin with the same bits. One of IPv4 holds no IPv6 address, and the other way round.
package struct IPNetwork: Hashable, Sendable {
    package let lowestAddress: IPAddress
    /// How many bits are the same, from 0 to 128; of an IPv4 network, 96 more than its text says.
    private let prefixLength: Int

    /// The network of this size that `address` lies in.
    /// - Parameter prefixLength: from 0 to 128; for IPv4 from 96.
    package init(around address: IPAddress, prefixLength: Int) {
        lowestAddress = IPAddress(bits: address.bits & ~(UInt128.max >> prefixLength))
        self.prefixLength = prefixLength
    }

    package func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == lowestAddress.isIPv4 && (address.bits ^ lowestAddress.bits) >> (128 - prefixLength) == 0
    }

    /// Whether it is all of IPv4, or all of IPv6.
    package var isEverything: Bool { prefixLength == (lowestAddress.isIPv4 ? 96 : 0) }
}

extension IPNetwork: CustomStringConvertible {
    /// Reads an address, which is a network of one, or an address and a prefix length (CIDR, RFC 4632 §3.1, RFC 4291 §2.3).
    /// Nil for anything else. Bits behind the prefix are cleared: `10.1.2.3/8` is 10.0.0.0/8.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(around: address, prefixLength: 128)
            return
        }
        // As a number is written, and as no other: no sign, no zero in front.
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

/// Networks that are treated alike, such as those of trusted proxies.
package struct IPNetworkSet: Hashable, Sendable {
    package let networks: [IPNetwork]

    package init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    package func contains(_ address: IPAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }
}
