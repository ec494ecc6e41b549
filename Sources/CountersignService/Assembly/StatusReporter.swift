import CountersignHTTP
import IssuerKeys
import Outbound
import RedisSessions
import ServiceConfiguration
import Synchronization
import TokenExchange

/// Gathers what the status page shows, whenever somebody asks for it.
final class StatusReporter: Sendable {
    /// An observer of the public listener.
    let history = RequestHistory()
    private let routes: ServiceRoutes
    private let loops: LoopWatch
    private let logs: LogQueue
    private let time: TimeSource
    private let startedAt: UnixTime
    private let audit: AuditTrail?
    private let watched = Mutex<(listeners: [(name: String, listener: HTTPListener)], prober: ProbeService?)>(([], nil))

    /// The service starts now.
    init(_ routes: ServiceRoutes, audit: AuditTrail?, loops: LoopWatch, logs: LogQueue, time: TimeSource) {
        self.routes = routes
        self.audit = audit
        self.loops = loops
        self.logs = logs
        self.time = time
        startedAt = time.now()
    }

    /// Shows these listeners' connections, and the prober's latest probe.
    func watch(_ listeners: [(name: String, listener: HTTPListener)], _ prober: ProbeService) {
        watched.withLock { $0 = (listeners, prober) }
    }

    /// - Parameter readiness: as it is now.
    func page(_ readiness: Readiness) async -> Page {
        let (configuration, watched) = (routes.configuration, watched.withLock(\.self))
        return ServiceStatus(
            now: time.now(), startedAt: startedAt, version: "\(BuildInformation.version)", readiness: readiness,
            hour: history.hour(at: time.elapsed(), of: configuration.identityProviders.map(\.name)),
            issuers: issuers(of: configuration), signingKeys: routes.signingKeys.status,
            certificates: routes.certificates.map { ServiceStatus.Certificate(name: $0.name, expiry: $0.notAfter) },
            store: await store(configuration.sessions), loopGaps: loops.longestGaps,
            listeners: watched.listeners.map { name, listener in
                let (waiting, answering) = listener.connectionCounts
                return ServiceStatus.Listener(name: name, waiting: waiting, answering: answering)
            }, droppedLogLines: logs.droppedCount, probe: watched.prober?.latest.map(ServiceStatus.Probe.init),
            audit: audit.map {
                ServiceStatus.Audit(
                    written: $0.writtenCount, waitingBytes: $0.waitingBytes, dropped: $0.droppedCount)
            }
        ).page
    }

    private func issuers(of configuration: Configuration) -> [ServiceStatus.Issuer] {
        let (statuses, now) = (routes.remoteKeys.statuses, time.now())
        return configuration.tenants.map { tenant in
            ServiceStatus.Issuer(
                tenant: tenant.name,
                fetched: statuses.first { $0.tenant == tenant.name }.map { ServiceStatus.Issuer.Fetched($0.status) },
                clockOffset: routes.clocks.offset(of: tenant.name, at: now), clockSkew: tenant.rules.clockSkew)
        }
    }

    /// As long as a probe of readiness waits.
    private static let patience = Duration.milliseconds(500)

    private func store(_ settings: SessionSettings) async -> ServiceStatus.Store {
        let (sessions, start) = (routes.sessions, time.elapsed())
        let isAnswered = (try? await sessions.store.check(within: Self.patience)) != nil
        return ServiceStatus.Store(
            kind: settings.kind, servers: (sessions.redis?.servers ?? []).map(ServiceStatus.Store.Server.init),
            latency: isAnswered ? time.elapsed() - start : nil, deferred: sessions.deferredSessions.count,
            dropped: sessions.deferredSessions.droppedCount)
    }
}

extension ServiceStatus.Probe {
    fileprivate init(_ report: ProbeReport, at moment: UnixTime) {
        self.init(
            endedAt: moment,
            steps: report.steps.map {
                Step(
                    name: $0.step.rawValue, outcome: $0.outcome.rawValue, detail: $0.detail,
                    isAlarming: $0.outcome == .fail || $0.outcome == .accepted)
            })
    }
}

extension ServiceStatus.Issuer.Fetched {
    fileprivate init(_ status: IssuerKeyStatus) {
        self.init(
            count: status.keys, age: status.age, failure: status.lastError, untilNextFetch: status.untilNextFetch)
    }
}

extension ServiceStatus.Store.Server {
    fileprivate init(_ server: RedisServerStatus) {
        self.init(
            role: server.role.rawValue, address: "\(server.address)", connected: server.connected,
            connections: server.connections)
    }
}

extension SessionSettings {
    /// In the words of the configuration.
    fileprivate var kind: String {
        guard case .redis(let redis) = store else { return "memory of this process" }
        switch redis.url.servers {
        case .standalone: return "Redis, one server"
        case .sentinel(_, let service): return "Redis, master of \(service) by its sentinels"
        case .cluster: return "Redis Cluster"
        }
    }
}
