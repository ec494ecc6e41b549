import CoreMetrics
import CountersignHTTP
import Synchronization

/// One series whose numbers are added to as things happen.
protocol PrometheusSeries: AnyObject, Sendable {
    var kind: Metric.Kind { get }
    /// The current values, a line for each; empty if there is none.
    func lines(_ name: SeriesName) -> String
}

/// A number that only grows.
final class PrometheusCounter: PrometheusSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    var kind: Metric.Kind { .counter }
    func lines(_ name: SeriesName) -> String { name.line(String(value.load(ordering: .relaxed))) }
}

/// Durations in seconds, counted in buckets that suit a service that answers within milliseconds.
///
/// To record one costs two additions and no lock. Nothing else is written or read by them, so they need no order: a scrape
/// may see a duration in the buckets before it is in the sum. Their total is that of the buckets, so these always agree.
final class PrometheusHistogram: PrometheusSeries, TimerHandler, RecorderHandler {
    /// In seconds; what is longer counts in one bucket more.
    private static let bounds = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    private static let nanoseconds = bounds.map { Int64(($0 * 1e9).rounded()) }

    private let buckets = InlineArray<17, Atomic<Int64>> { _ in Atomic(0) }
    /// Of nanoseconds.
    private let sum = Atomic<Int64>(0)

    func recordNanoseconds(_ duration: Int64) {
        let duration = max(0, duration)
        let bucket = Self.nanoseconds.firstIndex { duration <= $0 } ?? Self.nanoseconds.count
        buckets[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(duration, ordering: .relaxed)
    }

    func record(_ value: Double) { recordNanoseconds(Int64(min(max(0, value), 1e9) * 1e9)) }
    func record(_ value: Int64) { record(Double(value)) }

    var kind: Metric.Kind { .histogram }

    func lines(_ name: SeriesName) -> String {
        var lines = ""
        var total: Int64 = 0
        for (index, bound) in (Self.bounds.map { "\($0)" } + ["+Inf"]).enumerated() {
            total += buckets[index].load(ordering: .relaxed)
            lines += name.line(String(total), suffix: "_bucket", label: "le=\"\(bound)\"")
        }
        guard total > 0 else { return "" }
        let seconds = Double(sum.load(ordering: .relaxed)) / 1e9
        return lines + name.line("\(seconds)", suffix: "_sum") + name.line(String(total), suffix: "_count")
    }
}
