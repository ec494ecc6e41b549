package import Logging
package import NIOSSL
package import Outbound
import Synchronization
package import TokenExchange

// UpstreamTokens: tokens from the retailer's own services.
//
// One UpstreamService per identity provider holds all that calls need: its own connections (Outbound), a circuit breaker,
// the number of calls under way. Providers share nothing except the event loops, so one slow service does not slow the
// others.
//
//   * UpstreamMessage words a request, UpstreamAnswer judges an answer, RetryPlan says whether to try again, and
//     CircuitBreaker whether to try at all. These are values that know no clock and no network.
//   * ConcurrencyLimit bounds the calls at once, so that those who wait for a connection do not look like failures of the service.
//   * UpstreamClient makes the calls, by Outbound: bounded in bytes and time, no redirects.
//   * Nothing that a service sends reaches a log: statuses, durations and shapes do (UpstreamShape).
//
// That only one caller asks, and what is kept for the next login, is decided in the domain (ObtainUpstreamToken).

/// A provider with an internal service: checked, but nothing started.
package struct UpstreamProvider: Sendable {
    package let name: ExactText
    package let recipe: UpstreamRecipe
    package let outbound: OutboundTransport
    /// With the certificates and the key from its files, so that a reload notices others.
    package let tls: TLSConfiguration
    package let context: NIOSSLContext

    /// - Parameter context: made of `tls` by ``OutboundClient/context(_:)``.
    package init(
        name: ExactText, recipe: UpstreamRecipe, outbound: OutboundTransport, tls: TLSConfiguration,
        context: NIOSSLContext
    ) {
        self.name = name
        self.recipe = recipe
        self.outbound = outbound
        self.tls = tls
        self.context = context
    }

    fileprivate func isSame(as other: UpstreamProvider) -> Bool {
        name == other.name && recipe == other.recipe && outbound == other.outbound
            && tls.bestEffortEquals(other.tls)
    }
}

/// The internal services of all providers; those that a reload does not change keep connections, breaker and tokens.
package final class UpstreamServices: UpstreamTokenSource {
    /// Longer than any deadline: all calls over old connections are done by then.
    private static let grace = Duration.seconds(35)

    private struct Running {
        let provider: UpstreamProvider
        let service: UpstreamService
    }

    private let running = Mutex<[ExactText: Running]>([:])
    private let time: TimeSource
    private let logger: Logger

    /// Serves no provider yet; ``replace(with:)`` brings them.
    package init(time: TimeSource, logger: Logger) {
        self.time = time
        self.logger = logger
    }

    /// Serves exactly these providers from now on.
    package func replace(with providers: [UpstreamProvider]) {
        let ended = running.withLock { running in
            var ended = running
            var new: [ExactText: Running] = [:]
            for provider in providers {
                if let old = running[provider.name], old.provider.isSame(as: provider) {
                    new[provider.name] = old
                    ended[provider.name] = nil
                } else {
                    new[provider.name] = start(provider)
                }
            }
            running = new
            return ended.values.map(\.service)
        }
        guard !ended.isEmpty else { return }
        Task {
            try? await Task.sleep(for: Self.grace)
            for service in ended { service.shutDown() }
        }
    }

    private func start(_ provider: UpstreamProvider) -> Running {
        var logger = logger
        logger[metadataKey: "identity_provider"] = .stringConvertible(provider.name)
        return Running(
            provider: provider,
            service: UpstreamService(
                provider.recipe, provider.outbound, tls: provider.context, time: time, logger: logger))
    }

    package func token(
        for request: UpstreamRequest, within budget: Duration
    ) async throws(UpstreamFailure) -> UpstreamToken {
        guard let service = running.withLock({ $0[request.provider]?.service }) else {
            throw .unavailable(cause: "the provider has no internal service any more")
        }
        return try await service.token(for: request, within: budget)
    }

    /// By provider, in the order of names.
    package var statuses: [(provider: ExactText, status: UpstreamService.Status)] {
        running.withLock { $0.map { ($0.key, $0.value.service.status) } }.sorted { $0.0 < $1.0 }
    }

    /// Closes all connections, so no more tokens can be fetched.
    package func shutDown() {
        for service in running.withLock({ $0.values.map(\.service) }) { service.shutDown() }
    }
}
