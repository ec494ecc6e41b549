package import ServiceConfiguration
import TokenExchange

/// What a ``CapacityPlan`` is made for: the shops, and what serves them.
package struct PlanSettings: Sendable {
    /// The form of the external identities.
    package enum Token: String, Sendable, CaseIterable {
        case jwt, opaque
    }

    package var stores: Int
    /// In each store. All of them log in within ``window``, once for each identity provider.
    package var associates: Int
    package var providers = 1
    package var window: Duration
    /// How many times the average the busiest minute has.
    package var peak = 3
    /// For each session in its life.
    package var introspections = 10
    /// How often a page asks `GET /session`, for each session in its life.
    package var pages = 10
    package var token = Token.jwt
    package var sessionLifetime = Duration.seconds(3 * 3600)
    /// Of NewStore's token. The answer to a login is kept for as long.
    package var identityTokenLifetime = Duration.seconds(3600)

    /// Of each replica.
    package var cores = 2
    package var openFiles = 65_536
    /// Of one Redis server.
    package var redisMegabytes = 1024
    /// Whether clients' connections end at an HTTP load balancer.
    package var hasLoadBalancer = false
    /// How many stores share an address.
    package var storesPerSource = 1

    /// For limits and connections; nil for a configuration that has only defaults.
    private(set) var configuration: Configuration?

    package init(stores: Int, associates: Int, window: Duration) {
        self.stores = stores
        self.associates = associates
        self.window = window
    }

    /// Takes what `configuration` says of providers, tokens, limits and load balancers.
    package mutating func take(_ configuration: Configuration) {
        let providers = configuration.identityProviders.filter {
            $0.name != configuration.probe?.identityProvider
        }
        self.configuration = configuration
        self.providers = max(1, providers.count)
        token = !providers.isEmpty && providers.allSatisfy(\.isOpaque) ? .opaque : .jwt
        sessionLifetime = providers.map(\.token.lifetime).max() ?? sessionLifetime
        hasLoadBalancer = !configuration.listen.trustedProxies.networks.isEmpty
    }

    var connections: Int { configuration?.limits.connections ?? 4096 }
    var connectionsPerSource: Int { configuration?.limits.connectionsPerSource ?? 256 }
    var requestsPerSecond: Int { configuration?.limits.requestsPerSecond ?? 50 }
    var burst: Int { configuration?.limits.burst ?? 100 }
    var idleTimeout: Duration { configuration?.listen.idleTimeout ?? .seconds(75) }
    /// Files that a replica needs open without any client.
    var otherFiles: Int {
        DescriptorBudget.others(
            sessions: configuration?.sessions, outbound: configuration?.outboundConnections ?? 0, eventLoops: cores)
    }

    /// What the configuration has that the plan does not count; nil if there is nothing.
    var remark: String? {
        guard let configuration else { return nil }
        if case .memory = configuration.sessions.store {
            return "sessions.store is memory: replicas need Redis, which this plan counts."
        }
        let hasUpstream = configuration.identityProviders.contains { $0.isUpstream }
        return hasUpstream ? "Calls of internal services (kind: upstream) cost more; measure them." : nil
    }
}

extension IdentityProvider {
    fileprivate var isOpaque: Bool { token.kind == .opaque }
}
