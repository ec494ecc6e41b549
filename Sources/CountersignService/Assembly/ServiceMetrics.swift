import CountersignHTTP
import ServiceConfiguration
package import TokenExchange
import UpstreamTokens

extension PrometheusRegistry {
    /// A registry with the numbers of the whole service. Requests and connections report theirs themselves.
    ///
    /// Names of tenants and providers are those of the current configuration, so what a reload has removed is not read.
    package convenience init(_ routes: ServiceRoutes, loops: LoopWatch, logs: LogQueue, time: TimeSource) {
        self.init(
            RequestMetrics.all + ConnectionMetrics.all + ProbeMetrics.all + [RequestSources.ignoredForwarding])
        readSessions(routes.sessions)
        readIssuers(of: routes, time)
        readUpstreams(of: routes)
        readAdmission(routes.admission)
        readSigningKeys(routes.signingKeys)
        readCertificates(of: routes)
        readProcess(logs, loops, time)
    }

    /// The open connections of one listener.
    func readConnections(of listener: HTTPListener, _ name: LabelValue) {
        read { readings in
            let counts = listener.connectionCounts
            readings.add(ConnectionMetrics.open, counts.waiting, by: [.listener: name, .state: "waiting"])
            readings.add(ConnectionMetrics.open, counts.answering, by: [.listener: name, .state: "answering"])
            readings.add(ConnectionMetrics.limit, listener.connectionLimit, by: [.listener: name])
        }
    }
}

// MARK: - Internal services

extension PrometheusRegistry {
    private func readUpstreams(of routes: ServiceRoutes) {
        read { readings in
            let statuses = Dictionary(uniqueKeysWithValues: routes.upstreams.statuses.map { ($0.provider, $0.status) })
            for provider in routes.configuration.identityProviders {
                guard let status = statuses[provider.name] else { continue }
                let labels: Labels = [.identityProvider: LabelValue(ConfiguredName(provider))]
                readings.add(Self.upstreamOpen, status.isOpen ? 1 : 0, by: labels)
                readings.add(Self.upstreamInFlight, status.inFlight, by: labels)
                readings.add(Self.upstreamCalls, status.calls, by: labels)
                readings.add(Self.upstreamFailures, status.failures, by: labels)
            }
        }
    }

    private static let upstreamOpen = Metric.gauge(
        "countersign_upstream_breaker_open",
        "1 while the provider's internal service is not called, because it failed too often or asked for a pause.")
    private static let upstreamInFlight = Metric.gauge(
        "countersign_upstream_in_flight", "Requests that wait for the provider's internal service.")
    private static let upstreamCalls = Metric.counter(
        "countersign_upstream_calls_total",
        "Calls of the provider's internal service; begins again if a reload changes it.")
    private static let upstreamFailures = Metric.counter(
        "countersign_upstream_failures_total",
        "Calls of the provider's internal service without an answer, or with a 5xx.")
}

// MARK: - Our signing keys

extension PrometheusRegistry {
    private func readSigningKeys(_ keys: SigningKeyWatch) {
        read { readings in
            let status = keys.status
            for algorithm in SignatureAlgorithm.minting {
                let ofAlgorithm = status.manifest.keys.filter { $0.algorithm == algorithm }
                for state in SigningKeyRecord.State.allCases {
                    readings.add(
                        Self.signingKeys, ofAlgorithm.count { $0.state == state },
                        by: [.algorithm: LabelValue(algorithm), .state: LabelValue(state)])
                }
                readings.add(
                    Self.signingKeyAge, status.manifest.active(algorithm).map { (status.now - $0.since).inSeconds },
                    by: [.algorithm: LabelValue(algorithm)])
            }
            readings.add(Self.failing, status.isFailing ? 1 : 0)
            readings.add(Self.waiting, status.waitingCount)
            readings.add(Self.nextStep, status.untilNextStep.map { max(0, $0.inSeconds) })
            readings.add(Self.stepOverdue, status.stepOverdue.inSeconds)
        }
    }

    private static let signingKeys = Metric.gauge("countersign_signing_keys", "Our own keys by state in the manifest.")
    private static let signingKeyAge = Metric.gauge(
        "countersign_signing_key_age_seconds", "How long the active key has been signing.")
    private static let failing = Metric.gauge(
        "countersign_signing_keys_failing",
        "1 if the key directory cannot be used as it is, so that the last good keys stay.")
    private static let waiting = Metric.gauge(
        "countersign_signing_keys_waiting",
        "Keys that are active, but do not sign yet, because they were published too recently.")
    private static let nextStep = Metric.gauge(
        "countersign_signing_key_next_step_seconds",
        "Until the next step of `countersign keys advance` is due; 0 if one is.")
    private static let stepOverdue = Metric.gauge(
        "countersign_signing_key_step_overdue_seconds",
        "How long a step of `countersign keys advance` has been due; 0 if none is.")
}

// MARK: - Load

extension PrometheusRegistry {
    private func readAdmission(_ admission: AdmissionControl) {
        read { readings in
            for (provider, count) in admission.inProgress {
                readings.add(
                    Self.inProgress, count, by: [.identityProvider: provider.map { LabelValue($0) } ?? .absent])
            }
        }
    }

    private static let inProgress = Metric.gauge(
        "countersign_requests_in_progress",
        "Requests in progress at the public listener, by the login's identity provider; empty for questions about sessions."
    )
}
