import CountersignHTTP
import ServiceConfiguration
import TokenExchange

extension PrometheusRegistry {
    /// With the gauges of the whole service; requests report themselves.
    convenience init(
        _ blueprint: Blueprint, clocks: IssuerClocks, deferredSessions: DeferredSessions
    ) {
        self.init(descriptions: RequestMetrics.descriptions.merging(Self.gauges) { first, _ in first })
        for tenant in blueprint.configuration.tenants {
            addGauge(Self.clockOffset, labels: [("tenant", tenant.name)]) {
                clocks.offset(of: tenant.name)?.inSeconds
            }
        }
        addGauge(Self.deferred) { Double(deferredSessions.count) }
        addGauge(Self.dropped) { Double(deferredSessions.droppedCount) }
    }

    private static let clockOffset = "countersign_issuer_clock_offset_seconds"
    private static let deferred = "countersign_deferred_sessions"
    private static let dropped = "countersign_deferred_sessions_dropped"

    private static let gauges = [
        clockOffset:
            "The issuer's clock less ours, by the freshest identity token of the last minutes; about minus the network's delay.",
        deferred: "Sessions of optional providers that wait for the store.",
        dropped: "Sessions of optional providers that were never written, since too many waited.",
    ]
}
