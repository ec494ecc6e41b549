/// Who sends requests, as far as limits per source go: an IPv4 address, or the /64 network of an IPv6 address, which is
/// one subscriber's.
package struct RequestSource: Hashable, Sendable {
    private let network: IPNetwork

    package init(_ address: IPAddress) {
        network = IPNetwork(around: address, prefixLength: address.isIPv4 ? 128 : 64)
    }
}

extension RequestSource: CustomStringConvertible {
    package var description: String { network.description }
}
