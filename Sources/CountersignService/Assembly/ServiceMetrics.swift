import CountersignHTTP
import IssuerKeys
import ServiceConfiguration
import TokenExchange
import UpstreamTokens

extension PrometheusRegistry {
    /// With the gauges of the whole service; requests report themselves.
    convenience init(
        _ blueprint: Blueprint, clocks: IssuerClocks, remoteKeys: RemoteTenantKeys, signingKeys: SigningKeyWatch,
        upstreams: UpstreamServices, sessions: SessionAssembly, loops: LoopWatch, logs: LogQueue
    ) {
        let descriptions = Self.descriptions.merging(Self.keyGauges.map { ($0.name, $0.description) }) { $1 }
        self.init(
            descriptions: [RequestMetrics.descriptions, RequestSources.descriptions, ConnectionMetrics.descriptions]
                .reduce(descriptions) { $0.merging($1) { $1 } })
        for tenant in blueprint.configuration.tenants.map(\.name) {
            addGauge(Self.clockOffset, labels: [("tenant", String(tenant))]) { clocks.offset(of: tenant)?.inSeconds }
            for gauge in Self.keyGauges {
                addGauge(gauge.name, labels: [("tenant", String(tenant))]) {
                    remoteKeys.statuses.first { $0.tenant == tenant }.flatMap { gauge.read($0.status) }
                }
            }
        }
        addSigningKeyGauges(signingKeys)
        addUpstreams(upstreams)
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

    /// Of the providers of the moment.
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
        upstreamOpen: "1 while the provider's internal service is left alone: it failed too often, or asked for it.",
        upstreamInFlight: "Requests that wait for the provider's internal service.",
        upstreamCalls: "Calls of the provider's internal service since the start, or since a reload changed it.",
        upstreamFailures: "Those of them that brought no answer, or a 5xx.",
        signingKeys: "Our own keys by state in the manifest.",
        signingKeyAge: "How long the active key has been signing.",
        signingKeysFailing: "1 where the key directory cannot be taken up as it is and the last good keys stay.",
        signingKeysWaiting: "Keys that are active, but were published too briefly to sign.",
        signingKeyStepOverdue:
            "For how long a step has been due that `countersign keys advance` takes; 0 where none is.",
        clockOffset:
            "The issuer's clock less ours, by the freshest identity token of the last minutes; about minus the network's delay.",
        deferred: "Sessions of optional providers that wait for the store.",
        loopGap: "The longest time since the start by which an event loop was late, and all requests on it.",
        droppedLines: "Log lines that were never written since the start, as nobody read them.",
        waitingLines: "Bytes of log lines that are not written yet.",
        revocations: "Revoked cohorts that sessions are held against.",
        revocationsAge: "Since the list of revocations was read; beyond 5 no session is called good.",
        revocationsUnreadable: "Entries of the store's list of revocations that are none, and are passed over.",
        unreadable: "Session records that could not be read and counted as absent, since the start.",
        dropped: "Sessions of optional providers that were never written, since too many waited.",
    ]

    private struct KeyGauge {
        let name: String
        let description: String
        let read: @Sendable (IssuerKeyStatus) -> Double?
    }

    /// Of tenants whose keys are fetched.
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
        KeyGauge(name: "countersign_issuer_keys_failing", description: "1 where the last fetch failed.") {
            $0.lastError == nil ? 0 : 1
        },
        KeyGauge(name: "countersign_issuer_keys_fetches", description: "Fetches of the key set since the start.") {
            Double($0.fetches)
        },
        KeyGauge(
            name: "countersign_issuer_keys_refused_refetches",
            description: "Unknown kids and bad signatures that were not worth a fetch, since the start."
        ) { Double($0.refusedRefetches) },
    ]
}
