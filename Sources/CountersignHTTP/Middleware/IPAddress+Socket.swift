import Glibc
package import NIOCore
package import TokenExchange

extension IPAddress {
    /// Nil if there is no IP address (a Unix domain socket).
    package init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        switch address {
        // The offsets of `sin_addr` and `sin6_addr` in the structures of <netinet/in.h>.
        case .v4: self.init(ipv4: UInt32(bigEndian: Self.load(from: address, at: 4)))
        case .v6: self.init(bits: UInt128(bigEndian: Self.load(from: address, at: 8)))
        case .unixDomainSocket: return nil
        }
    }

    private static func load<Number: BitwiseCopyable>(from address: SocketAddress, at offset: Int) -> Number {
        address.withSockAddr { start, _ in
            UnsafeRawPointer(start).loadUnaligned(fromByteOffset: offset, as: Number.self)
        }
    }
}
