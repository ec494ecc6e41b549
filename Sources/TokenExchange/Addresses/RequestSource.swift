/// A sender of requests, for limits per source: an IPv4 address, or the /64 network of an IPv6 address, which belongs
/// to one subscriber.
package struct RequestSource: Hashable, Sendable {
    private let network: IPNetwork

    /// - Parameter address: the client's, as trusted proxies report it.
    package init(_ address: IPAddress) {
        network = IPNetwork(around: address, prefixLength: address.isIPv4 ? 128 : 64)
    }
}

extension RequestSource: CustomStringConvertible {
    package var description: String { network.description }
}
