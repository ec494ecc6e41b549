import CoreMetrics
import Synchronization

/// One series, or several with the same name.
protocol PrometheusSeries: AnyObject, Sendable {
    /// The word after `# TYPE`.
    var type: String { get }
    /// The current values, a line for each; empty if there is none.
    func lines(_ name: SeriesName) -> String
}

/// A number that only grows.
final class PrometheusCounter: PrometheusSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    var type: String { "counter" }
    func lines(_ name: SeriesName) -> String { name.line(String(value.load(ordering: .relaxed))) }
}

/// A number that is read when somebody asks.
final class PrometheusGauge: PrometheusSeries {
    let type: String
    private let read: @Sendable () -> Double?

    init(type: String = "gauge", read: @escaping @Sendable () -> Double?) {
        self.type = type
        self.read = read
    }

    func lines(_ name: SeriesName) -> String { read().map { name.line("\($0)") } ?? "" }
}

/// All series of one metric, read when somebody asks, because a reload may add and remove some.
final class PrometheusFamily: PrometheusSeries {
    let type: String
    private let label: String
    private let read: @Sendable () -> [(String, Double)]

    init(type: String, label: String, read: @escaping @Sendable () -> [(String, Double)]) {
        self.type = type
        self.label = label
        self.read = read
    }

    func lines(_ name: SeriesName) -> String {
        read().map { (SeriesName(name.name, [(label, $0)]), $1) }.sorted { $0.0 < $1.0 }
            .map { $0.line("\($1)") }.joined()
    }
}

/// Durations in seconds, counted in buckets that suit a service that answers within milliseconds.
final class PrometheusHistogram: PrometheusSeries, TimerHandler, RecorderHandler {
    private static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private struct Counts {
        var buckets = [Int](repeating: 0, count: bounds.count + 1)
        var sum = 0.0
    }

    private let counts = Mutex(Counts())

    func record(_ value: Double) {
        let bucket = Self.bounds.firstIndex { value <= $0 } ?? Self.bounds.count
        counts.withLock { counts in
            counts.buckets[bucket] += 1
            counts.sum += value
        }
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) * 1e-9) }

    var type: String { "histogram" }

    func lines(_ name: SeriesName) -> String {
        let counts = counts.withLock { $0 }
        var lines = ""
        var total = 0
        for (bound, count) in zip(Self.bounds.map { "\($0)" } + ["+Inf"], counts.buckets) {
            total += count
            lines += name.line(String(total), suffix: "_bucket", label: "le=\"\(bound)\"")
        }
        return lines + name.line("\(counts.sum)", suffix: "_sum") + name.line(String(total), suffix: "_count")
    }
}
