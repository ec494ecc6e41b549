import CoreMetrics
import CountersignHTTP
import Synchronization
import TokenExchange

/// Counts what probes find. All series are there from the start, so that the first bad outcome is a change that an alert
/// sees.
final class ProbeMetrics: Sendable {
    private let counters: [ProbeStep: [ProbeOutcome: Counter]]
    private let timers: [ProbeStep: Timer]
    private let successes = Mutex<[ProbeStep: UnixTime]>([:])

    init(_ registry: PrometheusRegistry) {
        counters = Self.byStep { step in
            let outcomes = ProbeOutcome.allCases.filter { $0 != .accepted || step.isTrial }
            return Dictionary(
                uniqueKeysWithValues: outcomes.map { outcome in
                    (outcome, registry.counter(Self.steps, [.step: LabelValue(step), .outcome: LabelValue(outcome)]))
                })
        }
        timers = Self.byStep { registry.timer(Self.durations, [.step: LabelValue($0)]) }
        registry.read { [weak self] readings in
            for (step, moment) in self?.successes.withLock(\.self) ?? [:] {
                readings.add(Self.lastSuccess, moment.seconds, by: [.step: LabelValue(step)])
            }
        }
    }

    private static func byStep<Value>(_ make: (ProbeStep) -> Value) -> [ProbeStep: Value] {
        Dictionary(uniqueKeysWithValues: ProbeStep.allCases.map { ($0, make($0)) })
    }

    /// - Parameter now: when the probe ended.
    func count(_ report: ProbeReport, at now: UnixTime) {
        for step in report.steps {
            counters[step.step]?[step.outcome]?.increment()
            if step.outcome != .skipped { timers[step.step]?.recordNanoseconds(Int64(step.lasted / .nanoseconds(1))) }
            if step.outcome == .pass { successes.withLock { $0[step.step] = now } }
        }
    }

    private static let steps = Metric.counter(
        "countersign_probe_steps_total",
        "Steps of this replica's probe, by step and outcome; accepted: a token that must be refused was taken.")
    private static let durations = Metric.histogram(
        "countersign_probe_duration_seconds", "How long a step of this replica's probe took.")
    private static let lastSuccess = Metric.gauge(
        "countersign_probe_last_success_timestamp_seconds",
        "When a step of this replica's probe last passed; absent until then.")

    /// What is reported through swift-metrics.
    static let all = [steps, durations]
}

extension ProbeStep {
    /// Whether it offers something that must be refused.
    fileprivate var isTrial: Bool { refusal != nil || self == .revoked }
}
