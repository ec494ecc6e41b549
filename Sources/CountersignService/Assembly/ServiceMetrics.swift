import CountersignHTTP
import IssuerKeys
import ServiceConfiguration
import TokenExchange
import UpstreamTokens

extension PrometheusRegistry {
    /// A registry with the gauges of the whole service. Requests and connections report their counters themselves.
    package convenience init(_ blueprint: Blueprint, routes: ServiceRoutes, loops: LoopWatch, logs: LogQueue) {
        let (clocks, remoteKeys, sessions) = (routes.clocks, routes.remoteKeys, routes.sessions)
        let descriptions = Self.descriptions.merging(Self.keyGauges.map { ($0.name, $0.description) }) { $1 }
        self.init(
            descriptions: [
                RequestMetrics.descriptions, RequestSources.descriptions, ConnectionMetrics.descriptions,
                ProbeMetrics.descriptions,
            ]
            .reduce(descriptions) { $0.merging($1) { $1 } })
        for tenant in blueprint.configuration.tenants.map(\.name) {
            addGauge(Self.clockOffset, labels: [("tenant", String(tenant))]) { clocks.offset(of: tenant)?.inSeconds }
            for gauge in Self.keyGauges {
                addGauge(gauge.name, labels: [("tenant", String(tenant))]) {
                    remoteKeys.statuses.first { $0.tenant == tenant }.flatMap { gauge.read($0.status) }
                }
            }
        }
        addFamily(Self.shapeChanges, isCounter: true, by: "tenant") { [shapes = routes.shapes] in
            shapes.changeCounts.map { (String($0.tenant), Double($0.count)) }
        }
        addSigningKeyGauges(routes.signingKeys)
        addUpstreams(routes.upstreams)
        addGauge(Self.loopGap) { loops.longestGap.inSeconds }
        addGauge(Self.droppedLines) { Double(logs.droppedCount) }
        addGauge(Self.waitingLines) { Double(logs.waitingBytes) }
        addGauge(Self.deferred) { Double(sessions.deferredSessions.count) }
        addGauge(Self.dropped) { Double(sessions.deferredSessions.droppedCount) }
        addGauge(Self.revocations) { Double(sessions.revocations.count) }
        addGauge(Self.revocationsAge) { sessions.revocations.age.inSeconds }
        addGauge(Self.revocationsUnreadable) { Double(sessions.revocations.unreadableCount) }
        for kind in UnreadableRecord.allCases {
            addGauge(Self.unreadable, labels: [("kind", kind.rawValue)]) {
                Double(sessions.unreadableRecords.count(of: kind))
            }
        }
    }

    /// Gauges of the open connections of one listener.
    func addConnections(of listener: HTTPListener, _ name: String) {
        func add(_ state: String, _ read: @escaping @Sendable ((waiting: Int, answering: Int)) -> Int) {
            addGauge(ConnectionMetrics.open, labels: [("listener", name), ("state", state)]) {
                Double(read(listener.connectionCounts))
            }
        }
        add("waiting", \.waiting)
        add("answering", \.answering)
    }

    private func addSigningKeyGauges(_ keys: SigningKeyWatch) {
        for algorithm in SignatureAlgorithm.minting {
            addGauge(Self.signingKeyAge, labels: [("algorithm", algorithm.rawValue)]) {
                keys.age(algorithm)?.inSeconds
            }
            for state in SigningKeyRecord.State.allCases {
                addGauge(Self.signingKeys, labels: [("algorithm", algorithm.rawValue), ("state", state.rawValue)]) {
                    Double(keys.count(algorithm, state))
                }
            }
        }
        addGauge(Self.signingKeysFailing) { keys.problem == nil ? 0 : 1 }
        addGauge(Self.signingKeysWaiting) { Double(keys.waitingCount) }
        addGauge(Self.signingKeyStepOverdue) { keys.stepOverdue.inSeconds }
    }

    /// For the providers of the current configuration.
    private func addUpstreams(_ upstreams: UpstreamServices) {
        func add(
            _ name: String, isCounter: Bool, _ read: @escaping @Sendable (UpstreamService.Status) -> Double
        ) {
            addFamily(name, isCounter: isCounter, by: "identity_provider") {
                upstreams.statuses.map { (String($0.provider), read($0.status)) }
            }
        }
        add(Self.upstreamOpen, isCounter: false) { $0.isOpen ? 1 : 0 }
        add(Self.upstreamInFlight, isCounter: false) { Double($0.inFlight) }
        add(Self.upstreamCalls, isCounter: true) { Double($0.calls) }
        add(Self.upstreamFailures, isCounter: true) { Double($0.failures) }
    }

    private static let upstreamOpen = "countersign_upstream_breaker_open"
    private static let upstreamInFlight = "countersign_upstream_in_flight"
    private static let upstreamCalls = "countersign_upstream_calls"
    private static let upstreamFailures = "countersign_upstream_failures"
    private static let signingKeys = "countersign_signing_keys"
    private static let signingKeyAge = "countersign_signing_key_age_seconds"
    private static let signingKeysFailing = "countersign_signing_keys_failing"
    private static let signingKeysWaiting = "countersign_signing_keys_waiting"
    private static let signingKeyStepOverdue = "countersign_signing_key_step_overdue_seconds"
    private static let clockOffset = "countersign_issuer_clock_offset_seconds"
    private static let shapeChanges = "countersign_token_shape_changes"
    private static let deferred = "countersign_deferred_sessions"
    private static let dropped = "countersign_deferred_sessions_dropped"

    private static let loopGap = "countersign_event_loop_longest_gap_seconds"
    private static let droppedLines = "countersign_log_lines_dropped"
    private static let waitingLines = "countersign_log_bytes_waiting"

    private static let revocations = "countersign_revocations"
    private static let revocationsAge = "countersign_revocations_age_seconds"
    private static let revocationsUnreadable = "countersign_revocations_unreadable"
    private static let unreadable = "countersign_unreadable_records"

    private static let descriptions = [
        upstreamOpen:
            "1 while the provider's internal service is not called, because it failed too often or asked for a pause.",
        upstreamInFlight: "Requests that wait for the provider's internal service.",
        upstreamCalls: "Calls of the provider's internal service since the start, or since a reload changed it.",
        upstreamFailures: "Calls of the provider's internal service without an answer, or with a 5xx.",
        signingKeys: "Our own keys by state in the manifest.",
        signingKeyAge: "How long the active key has been signing.",
        signingKeysFailing: "1 if the key directory cannot be used as it is, so that the last good keys stay.",
        signingKeysWaiting: "Keys that are active, but do not sign yet, because they were published too recently.",
        signingKeyStepOverdue:
            "How long a step of `countersign keys advance` has been due; 0 if none is.",
        clockOffset:
            "The issuer's clock minus ours, by the newest identity token of the last minutes; includes the network's delay.",
        shapeChanges:
            "Changes since the start in the shape of the tenant's genuine tokens: a claim gone, another client, kind, algorithm or key.",
        deferred: "Sessions of optional providers that wait to be written.",
        loopGap: "The longest time since the start by which an event loop was late, and all requests on it.",
        droppedLines: "Log lines dropped since the start, because nobody read the log.",
        waitingLines: "Bytes of log lines that wait to be written.",
        revocations: "Revoked cohorts that sessions are compared with.",
        revocationsAge: "Age of the list of revocations; above 5 no session counts as good.",
        revocationsUnreadable: "Entries of the store's list of revocations that cannot be read and are skipped.",
        unreadable: "Session records since the start that could not be read and counted as absent.",
        dropped: "Sessions of optional providers that were dropped since the start, because too many waited.",
    ]

    private struct KeyGauge {
        let name: String
        let description: String
        let read: @Sendable (IssuerKeyStatus) -> Double?
    }

    /// For tenants whose keys are fetched.
    private static let keyGauges = [
        KeyGauge(name: "countersign_issuer_keys_age_seconds", description: "Age of the issuer's key set in use.") {
            $0.age?.inSeconds
        },
        KeyGauge(name: "countersign_issuer_keys", description: "Keys of the issuer that can be used.") {
            Double($0.keys)
        },
        KeyGauge(name: "countersign_issuer_keys_skipped", description: "Keys of the issuer's set that are not used.") {
            Double($0.skipped)
        },
        KeyGauge(name: "countersign_issuer_keys_failing", description: "1 if the last fetch failed.") {
            $0.lastError == nil ? 0 : 1
        },
        KeyGauge(name: "countersign_issuer_keys_fetches", description: "Fetches of the key set since the start.") {
            Double($0.fetches)
        },
        KeyGauge(
            name: "countersign_issuer_keys_refused_refetches",
            description: "Fetches for unknown kids and bad signatures that the cool-down prevented, since the start."
        ) { Double($0.refusedRefetches) },
    ]
}
