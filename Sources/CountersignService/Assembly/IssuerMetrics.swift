import CountersignHTTP
import IssuerKeys
import ServiceConfiguration
import TokenExchange

extension PrometheusRegistry {
    /// What is known of each tenant's issuer.
    func readIssuers(of routes: ServiceRoutes, _ time: TimeSource) {
        read { readings in
            let keys = Dictionary(uniqueKeysWithValues: routes.remoteKeys.statuses.map { ($0.tenant, $0.status) })
            let changes = Dictionary(uniqueKeysWithValues: routes.shapes.changeCounts.map { ($0.tenant, $0.count) })
            for tenant in routes.configuration.tenants {
                let labels: Labels = [.tenant: LabelValue(ConfiguredName(tenant))]
                readings.add(
                    Self.clockOffset, routes.clocks.offset(of: tenant.name, at: time.now())?.inSeconds, by: labels)
                readings.add(Self.shapeChanges, changes[tenant.name].map { Double($0) }, by: labels)
                if let status = keys[tenant.name] { readings.add(status, labels) }
            }
        }
    }

    private static let clockOffset = Metric.gauge(
        "countersign_issuer_clock_offset_seconds",
        "The issuer's clock minus ours, by the newest identity tokens of the last minutes; includes the network's delay."
    )
    private static let shapeChanges = Metric.counter(
        "countersign_token_shape_changes_total",
        "Changes in the shape of the tenant's genuine tokens: a claim gone, another client, kind, algorithm or key.")
}

extension MetricReadings {
    fileprivate mutating func add(_ status: IssuerKeyStatus, _ labels: Labels) {
        add(Self.age, status.age?.inSeconds, by: labels)
        add(Self.keys, status.keys, by: labels)
        add(Self.skipped, status.skipped, by: labels)
        add(Self.failing, status.lastError == nil ? 0 : 1, by: labels)
        add(Self.fetches, status.fetches, by: labels)
        add(Self.failures, status.failures, by: labels)
        add(Self.refused, status.refusedRefetches, by: labels)
    }

    private static let age = Metric.gauge(
        "countersign_issuer_keys_age_seconds", "Age of the issuer's key set in use.")
    private static let keys = Metric.gauge("countersign_issuer_keys", "Keys of the issuer that can be used.")
    private static let skipped = Metric.gauge(
        "countersign_issuer_keys_skipped", "Keys of the issuer's set that are not used.")
    private static let failing = Metric.gauge("countersign_issuer_keys_failing", "1 if the last fetch failed.")
    private static let fetches = Metric.counter(
        "countersign_issuer_key_fetches_total", "Fetches of the issuer's key set.")
    private static let failures = Metric.counter(
        "countersign_issuer_key_fetch_failures_total", "Fetches of the issuer's key set that failed.")
    private static let refused = Metric.counter(
        "countersign_issuer_key_refetches_refused_total",
        "Fetches for unknown kids and bad signatures that the cool-down prevented.")
}
