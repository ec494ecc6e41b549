package import TokenExchange

/// One of the 16384 parts that a Redis Cluster divides its keys into.
package struct ClusterSlot: Sendable, Hashable {
    package static let count = 16_384

    package let number: UInt16

    /// Nil beyond the last.
    package init?(number: UInt16) {
        guard number < Self.count else { return nil }
        self.number = number
    }

    /// The slot of every key with this hash tag (Redis Cluster Specification, "Hash tags").
    package init(of partition: Partition) {
        self.init(ofTag: partition.label)
    }

    /// The slot of every key that has `tag` in its first pair of braces.
    init(ofTag tag: [UInt8]) {
        var checksum: UInt16 = 0
        for byte in tag { checksum = Self.checksum(checksum, byte) }
        number = checksum % UInt16(Self.count)
    }

    /// CRC-16/XMODEM (polynomial 0x1021), which the specification prescribes.
    private static func checksum(_ checksum: UInt16, _ byte: UInt8) -> UInt16 {
        (0..<8).reduce(checksum ^ UInt16(byte) << 8) { value, _ in
            value & 0x8000 == 0 ? value << 1 : value << 1 ^ 0x1021
        }
    }
}
