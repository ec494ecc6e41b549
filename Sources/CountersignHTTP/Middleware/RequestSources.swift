package import CoreMetrics
package import Logging
import Synchronization
package import TokenExchange

/// Finds out who sends a request: whoever the connection comes from, or the client behind a trusted proxy.
package final class RequestSources: Sendable {
    private let trustedProxies: IPNetworkSet
    private let ignored: Counter
    private let logger: Logger
    private let hasNoted = Atomic(false)

    package init(trustedProxies: IPNetworkSet, metrics factory: any MetricsFactory, logger: Logger) {
        self.trustedProxies = trustedProxies
        ignored = Counter(label: Self.ignoredForwarding, dimensions: [], factory: factory)
        self.logger = logger
    }

    /// - Parameter peer: where the connection comes from; nil if it has no address.
    /// - Returns: nil for a connection without address.
    package func source(of headers: RequestFields, from peer: IPAddress?) -> RequestSource? {
        guard let peer else { return nil }
        guard ForwardedAddress.isReported(in: headers) else { return RequestSource(peer) }
        guard trustedProxies.contains(peer) else {
            noteIgnored(from: peer)
            return RequestSource(peer)
        }
        return RequestSource(ForwardedAddress.client(behind: peer, by: headers, trusting: trustedProxies))
    }

    /// Once: most likely a load balancer is missing in the configuration, and if not, anybody can send such headers.
    private func noteIgnored(from peer: IPAddress) {
        ignored.increment()
        guard hasNoted.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
        logger.notice(
            """
            a request says by X-Forwarded-For or Forwarded who it is from, but comes from an address that is not in \
            listen.trusted_proxies, so this is ignored; if that is a load balancer, all its clients count as one source; \
            said once
            """,
            metadata: ["peer": .string("\(peer)")])
    }

    private static let ignoredForwarding = "countersign_forwarded_ignored_total"

    /// For those who read the exposition.
    package static let descriptions = [
        ignoredForwarding:
            "Requests whose X-Forwarded-For or Forwarded was ignored, since they came from no trusted proxy."
    ]
}
