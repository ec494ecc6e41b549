import CountersignHTTP
package import Logging
import NIOPosix
import NIOSSL
import ServiceConfiguration
import ServiceLifecycle
package import TokenExchange

/// The running service: listeners, store, background work.
///
/// This target is the only one that knows all the others, and puts them together. `Assembly/` makes a ``Blueprint`` of
/// a configuration, runs it, and takes up another one at a reload. `Commands/` and `VerifierKit/` are the logic of the
/// commands, without their command lines. `Probe/` tries a service as its clients use it. `LifeCycle/` ends the process,
/// `Logging/` and `Metrics/` write what it reports.
package struct CountersignServer: Sendable {
    private let blueprint: Blueprint
    private let descriptors: DescriptorBudget
    private let read: @Sendable () throws -> Blueprint
    private let lifeCycle: LifeCycle
    private let manager: ServiceManager
    private let time: TimeSource
    private let logs: LogQueue
    private let logger: Logger

    /// - Parameters:
    ///   - descriptors: how many connections the limit of open files leaves room for.
    ///   - read: reads the configuration again, with everything that it refers to; may block.
    ///   - logs: what `logger` writes to.
    package init(
        _ blueprint: Blueprint, descriptors: DescriptorBudget, read: @escaping @Sendable () throws -> Blueprint,
        lifeCycle: LifeCycle, manager: ServiceManager, time: TimeSource, logs: LogQueue, logger: Logger
    ) {
        self.blueprint = blueprint
        self.descriptors = descriptors
        self.read = read
        self.lifeCycle = lifeCycle
        self.manager = manager
        self.time = time
        self.logs = logs
        self.logger = logger
    }

    /// Serves until the life cycle ends it. Requests in progress are finished first.
    package func run() async throws {
        for remark in blueprint.remarks { logger.notice("\(remark)") }
        for remark in descriptors.remarks { logger.warning("\(remark)") }
        let hashes = CorrelationHashes(key: blueprint.correlationKey)
        let audit = try await AuditTrail.open(
            blueprint.configuration, AuditCorrelation(hashes), time: time, logger: logger)
        defer { audit?.stop() }
        let routes = ServiceRoutes(blueprint, audit: audit, time: time, logger: logger)
        let loops = LoopWatch(MultiThreadedEventLoopGroup.singleton.makeIterator())
        let operationsLoop = LoopWatch(HTTPListener.operationsGroup.makeIterator())
        manager.watch { max(loops.lateness, operationsLoop.lateness) }
        let registry = PrometheusRegistry(routes, loops: loops, logs: logs, time: time)
        let status = StatusReporter(routes, audit: audit, loops: loops, logs: logs, time: time)
        let lines = RequestLineWriter(
            to: logs, RequestLineForm(blueprint.configuration.log.lineFormat, label: logger.label),
            level: logger.logLevel, hashes: hashes, now: time.now)
        let traces = blueprint.traces.map {
            RequestTraces($0, storeSystem: routes.sessions.redis == nil ? nil : "redis", time: time, logger: logger)
        }
        if let traces { registry.readTraces(traces) }
        if let audit { registry.readAudit(audit) }
        let auditing: [any RequestObserver] = audit.map { [AuditObserver($0)] } ?? []
        let refusals = RefusalLog(
            linesPerSource: blueprint.configuration.log.refusalsPerSecond, logger: logger)
        let sources = RequestSources(
            trustedProxies: blueprint.configuration.listen.trustedProxies, metrics: registry, logger: logger)
        let operations = listener(
            blueprint.configuration.listen.operations, "operations", tls: blueprint.operationsListener.tls,
            limits: ConnectionGate.Limits(connections: HTTPListener.operationsConnections), registry: registry,
            conductor: RequestConductor(
                routes: routes.operationsRoutes(
                    metrics: { await registry.scrape() }, status: status.page, isLeaving: { lifeCycle.isLeaving }),
                sources: sources, time: time,
                observers: [
                    RequestMetrics(factory: registry, of: ["revocations", "other"]), RevocationLog(logger),
                    RequestLog(lines, quietRoutes: OperationsRoutes.asked, refusals: refusals),
                ] + auditing))
        let `public` = listener(
            blueprint.configuration.listen.public, "public", tls: blueprint.listenerTLS, limits: publicLimits,
            registry: registry,
            conductor: RequestConductor(
                routes: routes.publicRoutes, sources: sources, time: time,
                observers: [
                    RequestMetrics(factory: registry), status.history, RequestLog(lines, refusals: refusals),
                ] + [traces].compactMap(\.self) + auditing, tracer: traces),
            admission: routes.admission)
        let prober = ProbeService(registry: registry, time: time, logger: logger) { routes.prober }
        status.watch([("public", `public`), ("operations", operations)], prober)
        let reloader = reloader(routes, `public`, operations, hashes, audit)
        registry.readReloads(of: reloader)
        // Ended in reverse order: first new requests, then the sessions that wait for the store, last the operations
        // listener.
        let services: [any Service] =
            [listening(operations, "operations")] + [traces?.exporter].compactMap { $0 } + routes.services
            + [reloader, refusals, listening(`public`, "public")]
            + [prober]
        try await run(services, reloader, routes, audit)
    }

    private func run(
        _ services: [any Service], _ reloader: Reloader, _ routes: ServiceRoutes, _ audit: AuditTrail?
    ) async throws {
        let group = ServiceGroup(configuration: .init(services: services, logger: Logger.silent))
        let running = Task { try await group.run() }
        lifeCycle.serve(
            LifeCycle.Reactions(
                settings: { routes.shutdown },
                reload: {
                    audit?.reopen()
                    manager.reloadBegins()
                    reloader.request()
                },
                take: { take($0, group, running, audit) }))
        do { try await running.value } catch {
            guard lifeCycle.isLeaving else { throw error }
            logger.warning("not everything was finished", metadata: ["problem": .string("\(error)")])
        }
        logger.info("stopped")
    }

    private func take(
        _ step: Departure.Step, _ group: ServiceGroup, _ running: Task<Void, any Error>, _ audit: AuditTrail?
    ) {
        switch step {
        case .announce:
            manager.serviceLeaves()
            logger.notice("leaving: readiness says so, and requests are served as before")
        case .finish:
            logger.notice("leaving: no more connections, and what was begun is finished")
            Task { await group.triggerGracefulShutdown() }
        case .giveUp:
            logger.warning("leaving: the grace has passed, and what is not finished is given up")
            running.cancel()
        case .exit:
            logger.error("leaving: something hangs, and the process ends without it")
            audit?.stop()
            logs.flush(within: .milliseconds(300))
        }
    }

    private func reloader(
        _ routes: ServiceRoutes, _ listener: HTTPListener, _ operations: HTTPListener, _ hashes: CorrelationHashes,
        _ audit: AuditTrail?
    ) -> Reloader {
        let failed: @Sendable () -> Void = { audit?.tellReload(nil) }
        return Reloader(time: time, logger: logger, failed: failed, settled: manager.reloadEnds) {
            let generation = routes.signingKeys.generation
            let new = try read()
            return {
                audit?.tellReload(new.configuration.contents.keysChanged(since: routes.configuration.contents))
                let waiting = routes.reload(new, readAt: generation)
                hashes.use(new.correlationKey)
                if let tls = new.listenerTLS { listener.renew(tls) }
                if let tls = new.operationsListener.tls { operations.renew(tls) }
                logger.notice("configuration and keys reloaded")
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

    private func listening(_ listener: HTTPListener, _ name: LabelValue) -> Listening<HTTPListener> {
        let listen = blueprint.configuration.listen
        return Listening(
            listener: listener, address: name == "public" ? listen.public : listen.operations,
            place: blueprint.configuration.places["listen.\(name)"])
    }

    private func listener(
        _ address: HostPort, _ name: LabelValue, tls: NIOSSLContext? = nil, limits: ConnectionGate.Limits,
        registry: PrometheusRegistry, conductor: RequestConductor, admission: AdmissionControl? = nil
    ) -> HTTPListener {
        let configuration = blueprint.configuration
        let (logger, manager) = (logger, manager)
        let listener = HTTPListener(
            HTTPListener.Settings(
                host: address.host, port: address.port, tls: tls,
                asksForCertificate: name == "operations"
                    && configuration.listen.operationsAccess.clientAuthorities != nil,
                limits: limits,
                head: HeadLimits(bytes: configuration.limits.headBytes), http2: HTTP2Limits(configuration),
                requestTimeout: configuration.limits.requestTimeout, idleTimeout: configuration.listen.idleTimeout),
            conductor: conductor, admission: admission, metrics: ConnectionMetrics(factory: registry, listener: name),
            logger: logger, group: name == "operations" ? HTTPListener.operationsGroup : .singleton
        ) { port in
            logger.info(
                "listening",
                metadata: [
                    "listener": .string(name.text), "host": .string(address.host), "port": .stringConvertible(port),
                ])
            manager.listenerIsOpen()
        }
        registry.readConnections(of: listener, name)
        return listener
    }
}

extension HTTP2Limits {
    /// A connection can hold the largest request that there may be.
    fileprivate init(_ configuration: Configuration) {
        let (http2, limits) = (configuration.listen.http2, configuration.limits)
        self.init(
            streams: http2.streams, bufferBytes: max(http2.bufferBytes, limits.headBytes + limits.bodyBytes),
            resetsPerMinute: http2.resetsPerMinute, controlFramesPerMinute: http2.controlFramesPerMinute)
    }
}

extension Logger {
    /// For libraries whose log lines would only repeat ours.
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
