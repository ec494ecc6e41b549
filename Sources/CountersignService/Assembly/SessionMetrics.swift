import CountersignHTTP
import RedisSessions
import TokenExchange

extension PrometheusRegistry {
    /// Sessions, what is revoked, and the store.
    func readSessions(_ sessions: SessionAssembly) {
        read { readings in
            readings.add(Self.deferred, sessions.deferredSessions.count)
            readings.add(Self.dropped, sessions.deferredSessions.droppedCount)
            readings.add(Self.revocations, sessions.revocations.count)
            readings.add(Self.revocationsAge, sessions.revocations.age.inSeconds)
            readings.add(Self.revocationsUnreadable, sessions.revocations.unreadableCount)
            for kind in UnreadableRecord.allCases {
                readings.add(Self.unreadable, sessions.unreadableRecords.count(of: kind), by: [.kind: LabelValue(kind)])
            }
            if let redis = sessions.redis { readings.add(redis.traffic) }
        }
    }

    private static let deferred = Metric.gauge(
        "countersign_deferred_sessions", "Sessions of optional providers that wait to be written.")
    private static let dropped = Metric.counter(
        "countersign_deferred_sessions_dropped_total",
        "Sessions of optional providers that were dropped because too many waited.")
    private static let revocations = Metric.gauge(
        "countersign_revocations", "Revoked cohorts that sessions are compared with.")
    private static let revocationsAge = Metric.gauge(
        "countersign_revocations_age_seconds", "Age of the list of revocations; above 5 no session counts as good.")
    private static let revocationsUnreadable = Metric.gauge(
        "countersign_revocations_unreadable",
        "Entries of the store's list of revocations that cannot be read and are skipped.")
    private static let unreadable = Metric.counter(
        "countersign_unreadable_records_total", "Session records that could not be read and counted as absent.")
}

extension MetricReadings {
    fileprivate mutating func add(_ traffic: RedisTraffic) {
        for (operation, count) in traffic.commandCounts {
            add(Self.commands, count, by: [.operation: LabelValue(operation)])
        }
        for (fault, count) in traffic.faultCounts {
            add(Self.errors, count, by: [.operation: LabelValue(fault.operation), .cause: LabelValue(fault.cause)])
        }
        let waiting = traffic.waiting.value
        add(Self.waiting, waiting)
        add(Self.inFlight, max(0, traffic.pending.value - waiting))
        add(Self.connections, traffic.connections.value)
        add(Self.connectionsWanted, traffic.connectionsWanted.value)
        add(Self.reconnects, traffic.reconnects.value)
        add(Self.connectionFailures, traffic.connectionFailures.value)
    }

    private static let commands = Metric.counter(
        "countersign_store_commands_total", "Operations that the store was asked for.")
    private static let errors = Metric.counter(
        "countersign_store_errors_total", "Operations of the store that failed, by cause.")
    private static let waiting = Metric.gauge(
        "countersign_store_commands_waiting", "Commands that wait for a connection to the store.")
    private static let inFlight = Metric.gauge(
        "countersign_store_commands_in_flight", "Commands sent to the store whose replies are awaited.")
    private static let connections = Metric.gauge(
        "countersign_store_connections", "Connections to the store's servers that are open and answer.")
    private static let connectionsWanted = Metric.gauge(
        "countersign_store_connections_wanted", "Connections to the store's servers that should be open.")
    private static let reconnects = Metric.counter(
        "countersign_store_reconnects_total",
        "Connections to the store's servers that were opened again after a loss.")
    private static let connectionFailures = Metric.counter(
        "countersign_store_connection_failures_total",
        "Connections to the store's servers that were lost, and attempts that failed.")
}
