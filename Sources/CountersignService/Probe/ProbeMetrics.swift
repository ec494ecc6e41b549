import CoreMetrics
import Synchronization
import TokenExchange

/// Counts what probes find. All series are there from the start, so that the first bad outcome is a change that an alert
/// sees.
final class ProbeMetrics: Sendable {
    private let counters: [ProbeStep: [ProbeOutcome: Counter]]
    private let timers: [ProbeStep: Timer]
    private let successes = Mutex<[ProbeStep: UnixTime]>([:])

    init(_ registry: PrometheusRegistry) {
        let label = { (step: ProbeStep) in ("step", step.rawValue) }
        counters = Self.byStep { step in
            let outcomes = ProbeOutcome.allCases.filter { $0 != .accepted || step.isTrial }
            return Dictionary(
                uniqueKeysWithValues: outcomes.map { outcome in
                    let dimensions = [label(step), ("outcome", outcome.rawValue)]
                    return (outcome, Counter(label: Self.steps, dimensions: dimensions, factory: registry))
                })
        }
        timers = Self.byStep { Timer(label: Self.durations, dimensions: [label($0)], factory: registry) }
        for step in ProbeStep.allCases {
            registry.addGauge(Self.lastSuccess, labels: [label(step)]) { [weak self] in
                self?.successes.withLock { $0[step]?.seconds }
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

    private static let steps = "countersign_probe_steps_total"
    private static let lastSuccess = "countersign_probe_last_success_timestamp_seconds"
    private static let durations = "countersign_probe_duration_seconds"

    /// What each metric means, for the exposition's `# HELP`.
    static let descriptions = [
        steps: "Steps of this replica's probe, by step and outcome; accepted: a token that must be refused was taken.",
        lastSuccess: "When a step of this replica's probe last passed; absent until then.",
        durations: "How long a step of this replica's probe took.",
    ]
}

extension ProbeStep {
    /// Whether it offers something that must be refused.
    fileprivate var isTrial: Bool { refusal != nil || self == .revoked }
}
