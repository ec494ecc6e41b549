package import CoreMetrics
import Synchronization

/// Keeps the numbers that are reported through swift-metrics, and writes them as Prometheus text (exposition format
/// 0.0.4).
///
/// There is one series for each name and set of labels. A number that is only known when somebody asks (an age, a
/// length) is a gauge that is read at that moment.
package final class PrometheusRegistry: Sendable {
    private let series = Mutex<[SeriesName: any PrometheusSeries]>([:])
    private let descriptions: [String: String]

    /// - Parameter descriptions: the `# HELP` of each metric, by name.
    package init(descriptions: [String: String]) {
        self.descriptions = descriptions
    }

    /// Adds a gauge.
    /// - Parameter read: returns the current value; nil leaves the series out.
    package func addGauge(_ name: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double?) {
        series.withLock { $0[SeriesName(name, labels)] = PrometheusGauge(read: read) }
    }

    /// Adds a counter that is read when somebody asks.
    package func addCounter(_ name: String, read: @escaping @Sendable () -> Double) {
        series.withLock { $0[SeriesName(name, [])] = PrometheusGauge(type: "counter", read: read) }
    }

    /// Adds a metric whose series change while the process runs.
    /// - Parameters:
    ///   - label: the name of its only label.
    ///   - read: returns the label's values with the current numbers, each value once.
    package func addFamily(
        _ name: String, isCounter: Bool = false, by label: String,
        read: @escaping @Sendable () -> [(String, Double)]
    ) {
        let family = PrometheusFamily(type: isCounter ? "counter" : "gauge", label: label, read: read)
        series.withLock { $0[SeriesName(name, [])] = family }
    }

    /// All series, sorted by name and labels.
    package var text: String {
        let series = series.withLock { $0 }.sorted { $0.key < $1.key }
        var text = ""
        var family = ""
        for (name, value) in series {
            let lines = value.lines(name)
            guard !lines.isEmpty else { continue }
            if name.name != family {
                family = name.name
                if let description = descriptions[family] { text += "# HELP \(family) \(description)\n" }
                text += "# TYPE \(family) \(value.type)\n"
            }
            text += lines
        }
        return text
    }

    private func find<Series: PrometheusSeries>(
        _ name: String, _ labels: [(String, String)], make: () -> Series
    ) -> Series {
        series.withLock { series in
            let name = SeriesName(name, labels)
            if let known = series[name] as? Series { return known }
            let new = make()
            series[name] = new
            return new
        }
    }
}

extension PrometheusRegistry: MetricsFactory {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        find(label, dimensions, make: PrometheusCounter.init)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        find(label, dimensions, make: PrometheusHistogram.init)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        find(label, dimensions, make: PrometheusHistogram.init)
    }

    // Series live as long as the process: a counter must not disappear between two scrapes.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}

/// A metric's name with its labels, as the text has them.
struct SeriesName: Hashable, Comparable {
    let name: String
    /// `a="b",c="d"`, values escaped; sorted by label.
    let labels: String

    /// - Parameter labels: names and values, in any order.
    init(_ name: String, _ labels: [(String, String)]) {
        self.name = name
        self.labels = labels.sorted { $0.0 < $1.0 }.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
    }

    static func < (left: SeriesName, right: SeriesName) -> Bool {
        (left.name, left.labels) < (right.name, right.labels)
    }

    /// One line of the text.
    /// - Parameters:
    ///   - suffix: of the name, such as `_sum`.
    ///   - label: one more label, after the others.
    func line(_ value: String, suffix: String = "", label: String? = nil) -> String {
        let all = [labels, label ?? ""].filter { !$0.isEmpty }.joined(separator: ",")
        return "\(name)\(suffix)\(all.isEmpty ? "" : "{\(all)}") \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
