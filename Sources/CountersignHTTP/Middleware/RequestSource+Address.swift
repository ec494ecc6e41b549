import Glibc
package import NIOCore
package import TokenExchange

extension RequestSource {
    /// Nil for what has no address (a Unix domain socket).
    package init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        let network: UInt64
        switch address {
        // The offsets of `sin_addr` and `sin6_addr` in the structures of <netinet/in.h>.
        case .v4: network = address.withSockAddr { start, _ in UInt64(Self.load(UInt32.self, from: start, at: 4)) }
        case .v6: network = address.withSockAddr { start, _ in Self.load(UInt64.self, from: start, at: 8) }
        case .unixDomainSocket: return nil
        }
        self.init(network: network)
    }

    private static func load<Number: BitwiseCopyable>(
        _ type: Number.Type, from start: UnsafePointer<sockaddr>, at offset: Int
    ) -> Number {
        UnsafeRawPointer(start).loadUnaligned(fromByteOffset: offset, as: type)
    }
}
