package import CoreMetrics
import Synchronization
import TokenExchange

/// Counts and times requests through swift-metrics. Labels are constants and names from the configuration, so that no
/// caller can make up series.
package final class RequestMetrics: Sendable {
    private let factory: any MetricsFactory
    private let series = Mutex<[Kind: Series]>([:])

    struct Kind: Hashable {
        let route: String
        let status: Int
        let errorCode: String?
        /// The precise reason, where the code hides it.
        let reason: String?
        let identityProvider: ExactText?
        let degradedBy: String?
    }

    private struct Series {
        let counters: [Counter]
        let timer: Timer
    }

    package init(factory: any MetricsFactory) {
        self.factory = factory
    }

    func record(_ kind: Kind, duration: Duration) {
        let series = series.withLock { series in
            if let known = series[kind] { return known }
            let new = make(kind)
            series[kind] = new
            return new
        }
        for counter in series.counters { counter.increment() }
        series.timer.recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }

    private func make(_ kind: Kind) -> Series {
        let provider = [("identity_provider", kind.identityProvider?.description ?? "")]
        var counters = [
            Counter(
                label: Self.requests,
                dimensions: [
                    ("route", kind.route), ("status", String(kind.status)), ("error_code", kind.errorCode ?? ""),
                ], factory: factory)
        ]
        if let reason = kind.reason {
            counters.append(
                Counter(label: Self.refusals, dimensions: provider + [("reason", reason)], factory: factory))
        }
        if let code = kind.degradedBy {
            counters.append(
                Counter(label: Self.degraded, dimensions: provider + [("error_code", code)], factory: factory))
        }
        return Series(
            counters: counters,
            timer: Timer(label: Self.durations, dimensions: [("route", kind.route)], factory: factory))
    }

    private static let requests = "countersign_requests_total"
    private static let refusals = "countersign_refusals_total"
    private static let degraded = "countersign_degraded_total"
    private static let durations = "countersign_request_duration_seconds"

    /// For those who read the exposition.
    package static let descriptions = [
        requests: "Requests by route, status and error code.",
        refusals: "Refused requests by identity provider and precise reason.",
        degraded: "Logins of optional identity providers that our failure would have failed.",
        durations: "From a request's head to its answer.",
    ]
}
