package import CoreMetrics
package import Logging
import Synchronization
package import TokenExchange

/// Finds out who sends a request: the peer of the connection, or the client behind a trusted proxy.
package final class RequestSources: Sendable {
    private let trustedProxies: IPNetworkSet
    private let ignored: Counter
    private let logger: Logger
    private let hasNoted = Atomic(false)

    /// - Parameter trustedProxies: the proxies whose reports about clients are believed.
    package init(trustedProxies: IPNetworkSet, metrics factory: any MetricsFactory, logger: Logger) {
        self.trustedProxies = trustedProxies
        ignored = factory.counter(Self.ignoredForwarding)
        self.logger = logger
    }

    /// The source whose allowance a request spends.
    /// - Parameter peer: the address at the other end of the connection; nil if it has none.
    /// - Returns: nil for a connection without an address.
    package func source(of headers: RequestFields, from peer: IPAddress?) -> RequestSource? {
        guard let peer else { return nil }
        guard ForwardedAddress.isReported(in: headers) else { return RequestSource(peer) }
        guard trustedProxies.contains(peer) else {
            noteIgnored(from: peer)
            return RequestSource(peer)
        }
        return RequestSource(ForwardedAddress.client(behind: peer, by: headers, trusting: trustedProxies))
    }

    /// Logged only once: most likely the configuration lacks a load balancer, but anybody can send such headers.
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

    package static let ignoredForwarding = Metric.counter(
        "countersign_forwarded_ignored_total",
        "Requests whose X-Forwarded-For or Forwarded was ignored, because they did not come from a trusted proxy.")
}
