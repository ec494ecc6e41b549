package import CoreMetrics
import Synchronization
import TokenExchange

/// Counts and times requests through swift-metrics, and the logins among them.
package final class RequestMetrics: RequestObserver {
    private let factory: any MetricsFactory
    private let routes: [String]?
    private let series = Mutex<[Key: Series]>([:])

    /// Requests of which these are the same share their series.
    private struct Key: Hashable {
        let kind: RequestReport.Kind
        let tenant: ConfiguredName?
        let outcome: LoginOutcome?

        /// What differs most often: to hash everything costs more than to compare it.
        func hash(into hasher: inout Hasher) {
            hasher.combine(kind.status)
            hasher.combine(kind.provider)
        }
    }

    private struct Series {
        let counters: [Counter]
        let timer: Timer
        /// Of a login.
        let phases: PhaseTimers?
    }

    /// - Parameter routes: the names of the endpoints to count; nil for all.
    package init(factory: any MetricsFactory, of routes: [String]? = nil) {
        self.factory = factory
        self.routes = routes
    }

    /// Costs a few locks and a few atomic additions once a kind has been seen.
    package func observe(_ report: RequestReport) {
        guard routes?.contains(report.kind.route) ?? true else { return }
        let (tenant, steps) = report.exchange?.read { ($0.tenantName, $0.steps) } ?? (nil, [])
        let key = Key(kind: report.kind, tenant: tenant, outcome: report.loginOutcome)
        let series = series.withLock { series in
            if let known = series[key] { return known }
            let new = make(key)
            series[key] = new
            return new
        }
        for counter in series.counters { counter.increment() }
        series.timer.recordNanoseconds(report.duration.nanoseconds)
        guard let phases = series.phases else { return }
        for step in steps {
            phases[step.phase].recordNanoseconds((step.end - step.start).nanoseconds)
        }
    }

    private func make(_ key: Key) -> Series {
        let kind = key.kind
        let provider = kind.provider.map { LabelValue($0) } ?? .absent
        let code = kind.error.map { LabelValue($0) } ?? .absent
        let reason = kind.reasonLabel ?? code
        var counters = [
            factory.counter(
                Self.requests,
                [.route: kind.routeLabel, .status: LabelValue(UInt16(clamping: kind.status)), .errorCode: code])
        ]
        if kind.error == .overloaded {
            counters.append(
                factory.counter(
                    Self.shed, [.route: kind.routeLabel, .identityProvider: provider, .cause: reason]))
        } else if kind.error == .rateLimited {
            counters.append(
                factory.counter(
                    Self.rateLimited, [.route: kind.routeLabel, .identityProvider: provider, .reason: reason]))
        } else if 400..<500 ~= kind.status {
            counters.append(factory.counter(Self.refusals, [.identityProvider: provider, .reason: reason]))
        }
        if let code = kind.degradation {
            counters.append(
                factory.counter(Self.degraded, [.identityProvider: provider, .errorCode: LabelValue(code)]))
        }
        if let outcome = key.outcome {
            let tenant = key.tenant.map { LabelValue($0) } ?? .absent
            counters.append(
                factory.counter(
                    Self.logins, [.identityProvider: provider, .tenant: tenant, .outcome: LabelValue(outcome)]))
        }
        return Series(
            counters: counters, timer: factory.timer(Self.durations, [.route: kind.routeLabel]),
            phases: key.outcome.map { _ in PhaseTimers(factory, provider) })
    }

    private static let logins = Metric.counter(
        "countersign_logins_total", "Logins by outcome, through the callback and /token.")
    private static let requests = Metric.counter(
        "countersign_requests_total", "Requests by route, status and error code.")
    private static let refusals = Metric.counter(
        "countersign_refusals_total", "Refused requests by identity provider and precise reason.")
    private static let rateLimited = Metric.counter(
        "countersign_rate_limited_total",
        "Requests of barred sources, by route, identity provider and the reason of the refusals before them.")
    private static let shed = Metric.counter(
        "countersign_requests_shed_total",
        "Requests that were not served because of overload, by route, identity provider and cause.")
    private static let degraded = Metric.counter(
        "countersign_degraded_total",
        "Logins of optional identity providers that went on without a token, or without a stored session.")
    private static let durations = Metric.histogram(
        "countersign_request_duration_seconds", "From a request's head to its answer.")
    fileprivate static let phaseDurations = Metric.histogram(
        "countersign_exchange_phase_duration_seconds", "Duration of one part of a login.")

    package static let all = [logins, requests, refusals, rateLimited, shed, degraded, durations, phaseDurations]
}

/// One timer for each part of a login at one identity provider.
private final class PhaseTimers: Sendable {
    private let verify: Timer
    private let mint: Timer
    private let store: Timer
    private let upstream: Timer

    init(_ factory: any MetricsFactory, _ provider: LabelValue) {
        func timer(_ phase: ExchangeReport.Phase) -> Timer {
            factory.timer(
                RequestMetrics.phaseDurations, [.identityProvider: provider, .phase: LabelValue(phase)])
        }
        (verify, mint, store, upstream) = (timer(.verify), timer(.mint), timer(.store), timer(.upstream))
    }

    subscript(phase: ExchangeReport.Phase) -> Timer {
        switch phase {
        case .verify: verify
        case .mint: mint
        case .store: store
        case .upstream: upstream
        }
    }
}

extension Duration {
    /// For durations of less than centuries.
    fileprivate var nanoseconds: Int64 { Int64(truncatingIfNeeded: attoseconds / 1_000_000_000) }
}
