import CountersignHTTP
package import Logging
import NIOPosix
import NIOSSL
import ServiceConfiguration
import ServiceLifecycle
package import TokenExchange
import UpstreamTokens

/// The running service: listeners, store, background work.
package struct CountersignServer: Sendable {
    private let blueprint: Blueprint
    private let descriptors: DescriptorBudget
    private let read: @Sendable () throws -> Blueprint
    private let lifeCycle: LifeCycle
    private let time: TimeSource
    private let logs: LogQueue
    private let logger: Logger

    /// - Parameters:
    ///   - read: reads the configuration again, and all that it refers to; may block.
    ///   - logs: where `logger` writes to.
    package init(
        _ blueprint: Blueprint, descriptors: DescriptorBudget, read: @escaping @Sendable () throws -> Blueprint,
        lifeCycle: LifeCycle, time: TimeSource, logs: LogQueue, logger: Logger
    ) {
        self.blueprint = blueprint
        self.descriptors = descriptors
        self.read = read
        self.lifeCycle = lifeCycle
        self.time = time
        self.logs = logs
        self.logger = logger
    }

    /// Serves until the life cycle ends it; everything that was being answered is finished first.
    package func run() async throws {
        for remark in blueprint.remarks { logger.notice("\(remark)") }
        for remark in descriptors.remarks { logger.warning("\(remark)") }
        let sessions = SessionAssembly(blueprint.configuration, time: time, logger: logger)
        let clocks = IssuerClocks()
        let remoteKeys = RemoteTenantKeys(time: time, logger: logger)
        let upstreams = UpstreamServices(time: time, logger: logger)
        let upstream = UpstreamAssembly(
            cacheSecret: blueprint.cacheSecret, sessions: sessions, services: upstreams, time: time)
        let limiter = RateLimiter(RateLimiter.Limits(blueprint.configuration.limits), time: time)
        let live = LiveRoutes(blueprint) { blueprint, keys in
            limiter.use(RateLimiter.Limits(blueprint.configuration.limits))
            return PublicRoutes(
                blueprint, keys: keys, tenants: blueprint.tenants + remoteKeys.replace(with: blueprint.remoteTenants),
                sessions: sessions, upstream: upstream, clocks: clocks, limiter: limiter, time: time)
        }
        let signingKeys = SigningKeyWatch(
            blueprint, time: time, logger: logger, isRevoked: sessions.revocations.isRevoked(keyID:)
        ) { live.replace(keys: $0) }
        sessions.revocations.whenKeysAreCompromised { signingKeys.dropCompromisedKeys() }
        let registry = PrometheusRegistry(
            blueprint, clocks: clocks, remoteKeys: remoteKeys, signingKeys: signingKeys, upstreams: upstreams,
            sessions: sessions, loops: LoopWatch(MultiThreadedEventLoopGroup.singleton.makeIterator()), logs: logs)
        let refusals = RefusalLog(
            linesPerSource: blueprint.configuration.log.refusalsPerSecond, logger: logger)
        let sources = RequestSources(
            trustedProxies: blueprint.configuration.listen.trustedProxies, metrics: registry, logger: logger)
        let operations = listener(
            blueprint.configuration.listen.operations, "operations",
            limits: ConnectionGate.Limits(connections: HTTPListener.operationsConnections), registry: registry,
            conductor: RequestConductor(
                routes: RateLimitedRoutes(
                    operations(registry, sessions, live, remoteKeys, signingKeys, upstreams, limiter),
                    limiter: limiter),
                sources: sources, time: time, logger: logger, quietRoutes: OperationsRoutes.asked,
                metrics: RequestMetrics(factory: registry, of: ["revocations", "other"]), refusals: refusals))
        let `public` = listener(
            blueprint.configuration.listen.public, "public", tls: blueprint.listenerTLS, limits: publicLimits,
            registry: registry,
            conductor: RequestConductor(
                routes: RateLimitedRoutes(live, limiter: limiter), sources: sources, time: time, logger: logger,
                metrics: RequestMetrics(factory: registry), refusals: refusals))
        let reloader = reloader(signingKeys, live, `public`)
        // Ended in reverse order: first no new requests, then what waits for the store, last our own report of it.
        let services: [any Service] =
            [listening(operations, "operations")] + sessions.services
            + [
                Ending(remoteKeys.shutDown), Ending(upstreams.shutDown), signingKeys, reloader, refusals,
                listening(`public`, "public"),
            ]
        try await run(services, reloader, live)
    }

    private func run(_ services: [any Service], _ reloader: Reloader, _ live: LiveRoutes) async throws {
        let group = ServiceGroup(configuration: .init(services: services, logger: Logger.silent))
        let running = Task { try await group.run() }
        lifeCycle.serve(
            LifeCycle.Reactions(
                settings: { live.configuration.shutdown }, reload: reloader.request,
                take: { take($0, group, running) }))
        do { try await running.value } catch {
            guard lifeCycle.isLeaving else { throw error }
            logger.warning("not everything was finished", metadata: ["problem": .string("\(error)")])
        }
        logger.info("stopped")
    }

    private func take(_ step: Departure.Step, _ group: ServiceGroup, _ running: Task<Void, any Error>) {
        switch step {
        case .announce: logger.notice("leaving: readiness says so, and requests are served as before")
        case .finish:
            logger.notice("leaving: no more connections, and what was begun is finished")
            Task { await group.triggerGracefulShutdown() }
        case .giveUp:
            logger.warning("leaving: the grace has passed, and what is not finished is given up")
            running.cancel()
        case .exit:
            logger.error("leaving: something hangs, and the process ends without it")
            logs.flush(within: .milliseconds(300))
        }
    }

    private func reloader(_ signingKeys: SigningKeyWatch, _ live: LiveRoutes, _ listener: HTTPListener) -> Reloader {
        Reloader(logger: logger) {
            let generation = signingKeys.generation
            let new = try read()
            return {
                signingKeys.replace(with: new, readAt: generation) { live.replace(new, keys: $0) }
                if let tls = new.listenerTLS { listener.renew(tls) }
                logger.notice("configuration and keys reloaded")
                let waiting = new.needsRestart(since: blueprint)
                guard !waiting.isEmpty else { return }
                logger.warning(
                    "changed settings wait for a restart",
                    metadata: ["settings": .string(waiting.joined(separator: ", "))])
            }
        }
    }
}

// MARK: - Listeners

extension CountersignServer {
    private var publicLimits: ConnectionGate.Limits {
        ConnectionGate.Limits(
            connections: descriptors.connections,
            connectionsPerSource: blueprint.configuration.limits.connectionsPerSource,
            exempt: blueprint.configuration.listen.trustedProxies)
    }

    private func operations(
        _ registry: PrometheusRegistry, _ sessions: SessionAssembly, _ live: LiveRoutes, _ remoteKeys: RemoteTenantKeys,
        _ signingKeys: SigningKeyWatch, _ upstreams: UpstreamServices, _ limiter: RateLimiter
    ) -> OperationsRoutes {
        OperationsRoutes(
            readiness: {
                if lifeCycle.isLeaving { return .draining }
                return await ReadinessProbe(
                    store: sessions.store, revocations: sessions.revocations,
                    providers: live.configuration.identityProviders, remoteKeys: remoteKeys, signingKeys: signingKeys,
                    upstreams: upstreams)()
            },
            metrics: { registry.text }, revocations: sessions.revocations, verifiers: { live.verifiers },
            isConfigured: { live.configuration.allows($0) }, bodyLimit: blueprint.configuration.limits.bodyBytes,
            limiter: limiter)
    }

    private func listening(_ listener: HTTPListener, _ name: String) -> Listening<HTTPListener> {
        let listen = blueprint.configuration.listen
        return Listening(
            listener: listener, address: name == "public" ? listen.public : listen.operations,
            place: blueprint.configuration.places["listen.\(name)"])
    }

    private func listener(
        _ address: HostPort, _ name: String, tls: NIOSSLContext? = nil, limits: ConnectionGate.Limits,
        registry: PrometheusRegistry, conductor: RequestConductor
    ) -> HTTPListener {
        let configuration = blueprint.configuration
        let logger = logger
        let listener = HTTPListener(
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
        return listener
    }
}

extension Logger {
    /// For libraries whose events say nothing that ours do not.
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
