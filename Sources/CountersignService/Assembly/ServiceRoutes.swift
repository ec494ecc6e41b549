package import CountersignHTTP
package import Logging
import Outbound
import ServiceConfiguration
package import ServiceLifecycle
package import TokenExchange
import UpstreamTokens

/// The routes of both listeners, with everything behind them: sessions, keys, internal services and allowances. Needs no
/// socket, so it can be asked as clients would ask.
package struct ServiceRoutes: Sendable {
    let sessions: SessionAssembly
    let clocks = IssuerClocks()
    let shapes: TokenShapes
    let remoteKeys: RemoteTenantKeys
    let upstreams: UpstreamServices
    package let signingKeys: SigningKeyWatch
    private let start: Blueprint
    private let limiter: RateLimiter
    let admission: AdmissionControl
    private let live: LiveRoutes
    private let audit: AuditTrail?

    /// - Parameters:
    ///   - blueprint: the first one; ``reload(_:readAt:)`` replaces it.
    ///   - audit: nil if there is no audit stream.
    package init(_ blueprint: Blueprint, audit: AuditTrail? = nil, time: TimeSource, logger: Logger) {
        start = blueprint
        self.audit = audit
        let sessions = SessionAssembly(blueprint.configuration, time: time, logger: logger)
        let remoteKeys = RemoteTenantKeys(time: time, logger: logger)
        let upstreams = UpstreamServices(time: time, logger: logger)
        let upstream = UpstreamAssembly(
            cacheSecret: blueprint.cacheSecret, sessions: sessions, services: upstreams, time: time)
        let limiter = RateLimiter(RateLimiter.Limits(blueprint.configuration.limits), time: time)
        let admission = AdmissionControl(AdmissionControl.Limits(blueprint.configuration.limits))
        let shapes = TokenShapes { $0.log(to: logger) }
        let live = LiveRoutes(blueprint) { [clocks] blueprint, keys in
            limiter.use(RateLimiter.Limits(blueprint.configuration.limits))
            admission.use(AdmissionControl.Limits(blueprint.configuration.limits))
            return PublicRoutes(
                blueprint, keys: keys, tenants: blueprint.tenants + remoteKeys.replace(with: blueprint.remoteTenants),
                sessions: sessions, upstream: upstream, clocks: clocks, shapes: shapes, limiter: limiter,
                admission: admission, audit: audit, time: time)
        }
        let tell: @Sendable (AuditEntry) -> Void = { audit?.append($0) }
        let signingKeys = SigningKeyWatch(
            blueprint, time: time, logger: logger, isRevoked: sessions.revocations.isRevoked(keyID:),
            tell: tell
        ) { live.replace(keys: $0) }
        sessions.revocations.whenKeysAreCompromised { signingKeys.dropCompromisedKeys() }
        self.sessions = sessions
        self.shapes = shapes
        self.remoteKeys = remoteKeys
        self.upstreams = upstreams
        self.signingKeys = signingKeys
        self.limiter = limiter
        self.admission = admission
        self.live = live
    }

    /// Must be started in this order, and ended in the reverse order once no more requests come.
    package var services: [any Service] {
        sessions.services + [Ending(remoteKeys.shutDown), Ending(upstreams.shutDown), signingKeys]
    }

    /// The current one.
    var configuration: Configuration { live.configuration }

    /// How long the current configuration lets the service take to end.
    var shutdown: ShutdownSettings { live.configuration.shutdown }

    /// Those of the current configuration, as they were when it was read.
    var certificates: [CertificateExpiry] { live.certificates }

    /// Of the current configuration; nil if it says nothing of a probe.
    var prober: Prober? { live.prober }

    /// What the public listener answers.
    package var publicRoutes: any Routes { live }

    /// What the operations listener answers.
    /// - Parameters:
    ///   - metrics: the current numbers as Prometheus text.
    ///   - status: the page for operators.
    ///   - isLeaving: whether the process is about to end.
    package func operationsRoutes(
        metrics: @escaping @Sendable () async -> String, status: @escaping @Sendable (Readiness) async -> Page,
        isLeaving: @escaping @Sendable () -> Bool
    ) -> any Routes {
        let current = { @Sendable () async -> Readiness in
            if isLeaving() { return .draining }
            return await readiness()
        }
        return OperationsRoutes(
            readiness: current, metrics: metrics, status: { await status(current()) },
            revocations: sessions.revocations, verifiers: { live.verifiers },
            isConfigured: { live.configuration.allows($0) }, bodyLimit: start.configuration.limits.bodyBytes,
            limiter: limiter, version: BuildInformation.version,
            secret: { live.operationsSecret })
    }

    private func readiness() async -> Readiness {
        await ReadinessProbe(
            store: sessions.store, revocations: sessions.revocations, providers: live.configuration.associateProviders,
            remoteKeys: remoteKeys, signingKeys: signingKeys, upstreams: upstreams, audit: audit)()
    }

    /// Uses a configuration that was read again, with its keys. Sessions, fetched keys and allowances stay.
    /// - Parameter generation: that of ``signingKeys`` when reading began.
    /// - Returns: the settings that wait for a restart.
    package func reload(_ blueprint: Blueprint, readAt generation: Int) -> [String] {
        signingKeys.replace(with: blueprint, readAt: generation) { live.replace(blueprint, keys: $0) }
        return blueprint.needsRestart(since: start)
    }
}

extension TokenShapes.Change {
    /// Names of claims and traits; no values.
    fileprivate func log(to logger: Logger) {
        logger.notice(
            "the shape of genuine tokens has changed",
            metadata: [
                "tenant": .string(String(tenant)),
                "new": .string(new.map(\.rawValue).joined(separator: ", ")),
                "missing": .string(missing.map(\.excerpt).joined(separator: ", ")),
                "kids": .stringConvertible(keyCount),
            ])
    }
}
