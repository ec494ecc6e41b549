package import CoreMetrics
import Synchronization
import TokenExchange

/// Counts and times requests through swift-metrics. Labels are constants and names from the configuration, so that
/// callers cannot create series.
package final class RequestMetrics: RequestObserver {
    private let factory: any MetricsFactory
    private let routes: [String]?
    /// Requests of one kind share their series.
    private let series = Mutex<[RequestReport.Kind: Series]>([:])

    private struct Series {
        let counters: [Counter]
        let timer: Timer
    }

    /// - Parameter routes: the names of the endpoints to count; nil for all.
    package init(factory: any MetricsFactory, of routes: [String]? = nil) {
        self.factory = factory
        self.routes = routes
    }

    /// Costs one lock and a few atomic additions once a kind has been seen.
    package func observe(_ report: RequestReport) {
        let kind = report.kind
        guard routes?.contains(kind.route) ?? true else { return }
        let series = series.withLock { series in
            if let known = series[kind] { return known }
            let new = make(kind)
            series[kind] = new
            return new
        }
        for counter in series.counters { counter.increment() }
        series.timer.recordNanoseconds(Int64(report.duration / .nanoseconds(1)))
    }

    private func make(_ kind: RequestReport.Kind) -> Series {
        let provider = [("identity_provider", kind.identityProvider?.description ?? "")]
        let reason = [("reason", kind.reason ?? kind.error?.rawValue ?? "")]
        var counters = [
            Counter(
                label: Self.requests,
                dimensions: [
                    ("route", kind.route), ("status", String(kind.status)), ("error_code", kind.error?.rawValue ?? ""),
                ], factory: factory)
        ]
        if kind.error == .overloaded {
            let dimensions = [("route", kind.route), ("cause", kind.reason ?? "")] + provider
            counters.append(Counter(label: Self.shed, dimensions: dimensions, factory: factory))
        } else if kind.error == .rateLimited {
            let dimensions = [("route", kind.route)] + provider + reason
            counters.append(Counter(label: Self.rateLimited, dimensions: dimensions, factory: factory))
        } else if 400..<500 ~= kind.status {
            counters.append(Counter(label: Self.refusals, dimensions: provider + reason, factory: factory))
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
    private static let rateLimited = "countersign_rate_limited_total"
    private static let shed = "countersign_requests_shed_total"
    private static let degraded = "countersign_degraded_total"
    private static let durations = "countersign_request_duration_seconds"

    /// What each metric means, for the exposition's `# HELP`.
    package static let descriptions = [
        requests: "Requests by route, status and error code.",
        refusals: "Refused requests by identity provider and precise reason.",
        rateLimited:
            "Requests of barred sources, by route, identity provider and the reason of the refusals before them.",
        shed: "Requests that were not served because of overload, by route, identity provider and cause.",
        degraded: "Logins of optional identity providers that went on without a token, or without a stored session.",
        durations: "From a request's head to its answer.",
    ]
}
