import CountersignHTTP
package import Logging
import NIOSSL
import ServiceConfiguration
import ServiceLifecycle
package import TokenExchange
import UnixSignals
import UpstreamTokens

/// The running service: listeners, store, background work. Ends in order on SIGTERM and SIGINT, reloads on SIGHUP.
package struct CountersignServer: Sendable {
    private let blueprint: Blueprint
    private let descriptors: DescriptorBudget
    private let reload: @Sendable () throws(StartUpError) -> Blueprint
    private let time: TimeSource
    private let logger: Logger

    /// - Parameter reload: reads the configuration anew.
    package init(
        _ blueprint: Blueprint, descriptors: DescriptorBudget,
        reload: @escaping @Sendable () throws(StartUpError) -> Blueprint, time: TimeSource, logger: Logger
    ) {
        self.blueprint = blueprint
        self.descriptors = descriptors
        self.reload = reload
        self.time = time
        self.logger = logger
    }

    /// Serves until a signal ends it; everything that was being answered is finished first.
    package func run() async throws {
        let configuration = blueprint.configuration
        for remark in blueprint.remarks { logger.notice("\(remark)") }
        for remark in descriptors.remarks { logger.warning("\(remark)") }
        let sessions = SessionAssembly(configuration, time: time, logger: logger)
        let clocks = IssuerClocks()
        let remoteKeys = RemoteTenantKeys(time: time, logger: logger)
        let upstreams = UpstreamServices(time: time, logger: logger)
        let upstream = UpstreamAssembly(
            cacheSecret: blueprint.cacheSecret, sessions: sessions, services: upstreams, time: time)
        let limiter = RateLimiter(RateLimiter.Limits(configuration.limits), time: time)
        let live = LiveRoutes(blueprint) { blueprint, keys in
            limiter.use(RateLimiter.Limits(blueprint.configuration.limits))
            return PublicRoutes(
                blueprint, keys: keys, tenants: blueprint.tenants + remoteKeys.replace(with: blueprint.remoteTenants),
                sessions: sessions, upstream: upstream, clocks: clocks, limiter: limiter, time: time)
        }
        let signingKeys = SigningKeyWatch(
            blueprint, time: time, logger: logger, isRevoked: sessions.revocations.isRevoked(keyID:)
        ) { live.replace(keys: $0) }
        sessions.revocations.whenKeysAreBurnt { signingKeys.dropBurntKeys() }
        let reloader = Reloader(logger: logger) {
            let blueprint = try reload()
            signingKeys.replace(with: blueprint) { live.replace(blueprint, keys: $0) }
        }
        let registry = PrometheusRegistry(
            blueprint, clocks: clocks, remoteKeys: remoteKeys, signingKeys: signingKeys, upstreams: upstreams,
            sessions: sessions)
        let sources = RequestSources(
            trustedProxies: configuration.listen.trustedProxies, metrics: registry, logger: logger)
        // Ended in reverse order: first no new requests, last the store.
        let services: [any Service] =
            sessions.services + [
                remoteKeys,
                upstreams,
                signingKeys,
                reloader,
                try listening(
                    configuration.listen.operations, "operations",
                    limits: ConnectionGate.Limits(connections: HTTPListener.operationsConnections), registry: registry,
                    conductor: RequestConductor(
                        routes: RateLimitedRoutes(
                            OperationsRoutes(
                                readiness: {
                                    await ReadinessProbe(
                                        store: sessions.store, providers: live.configuration.identityProviders,
                                        remoteKeys: remoteKeys, signingKeys: signingKeys, upstreams: upstreams)()
                                },
                                metrics: { registry.text }, revocations: sessions.revocations,
                                verifiers: { live.verifiers }, isConfigured: { live.configuration.allows($0) },
                                bodyLimit: configuration.limits.bodyBytes, limiter: limiter), limiter: limiter),
                        sources: sources, time: time, logger: logger, level: .debug,
                        metrics: RequestMetrics(factory: registry, of: ["revocations"]))),
                try listening(
                    configuration.listen.public, "public", tls: blueprint.listenerTLS,
                    limits: ConnectionGate.Limits(
                        connections: descriptors.connections,
                        connectionsPerSource: configuration.limits.connectionsPerSource,
                        exempt: configuration.listen.trustedProxies), registry: registry,
                    conductor: RequestConductor(
                        routes: RateLimitedRoutes(live.routes, limiter: limiter), sources: sources, time: time,
                        logger: logger, metrics: RequestMetrics(factory: registry))),
            ]
        try await ServiceGroup(
            configuration: .init(
                services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger.silent)
        ).run()
        logger.info("stopped")
    }

    private func listening(
        _ address: HostPort, _ name: String, tls: TLSConfiguration? = nil, limits: ConnectionGate.Limits,
        registry: PrometheusRegistry, conductor: RequestConductor
    ) throws -> Listening<HTTPListener> {
        let configuration = blueprint.configuration
        let logger = logger
        let listener = try HTTPListener(
            HTTPListener.Settings(
                host: address.host, port: address.port, tls: tls, limits: limits,
                head: HeadLimits(bytes: configuration.limits.headBytes),
                requestTimeout: configuration.limits.requestTimeout, idleTimeout: configuration.listen.idleTimeout),
            conductor: conductor, metrics: ConnectionMetrics(factory: registry, listener: name), logger: logger
        ) { port in
            logger.info(
                "listening",
                metadata: ["listener": .string(name), "host": .string(address.host), "port": .stringConvertible(port)])
        }
        registry.addConnections(of: listener, name)
        return Listening(listener: listener, address: address, place: configuration.places["listen.\(name)"])
    }
}

/// Reads configuration and keys anew on SIGHUP; on error the last good ones stay.
private struct Reloader: Service {
    let logger: Logger
    let reload: @Sendable () throws -> Void

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                try reload()
                logger.notice(
                    "configuration and keys reloaded; listen, log and sessions keep their values until a restart")
            } catch {
                logger.error(
                    "not reloaded, the last good configuration stays", metadata: ["problem": .string("\(error)")])
            }
        }
    }
}

extension Logger {
    /// For libraries whose events say nothing that ours do not.
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
