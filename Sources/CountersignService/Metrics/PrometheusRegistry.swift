import BlockingWork
package import CoreMetrics
package import CountersignHTTP
import Synchronization

/// Keeps the numbers that are reported through swift-metrics, and writes them as Prometheus text (exposition format
/// 0.0.4).
///
/// There is one series for each name and set of labels. Numbers that are only known when somebody asks (ages, lengths)
/// are read at that moment.
package final class PrometheusRegistry: Sendable {
    private struct State {
        var series: [SeriesName: any PrometheusSeries] = [:]
        /// `# HELP` by name.
        var helps: [String: String]
        var readers: [@Sendable (inout MetricReadings) -> Void] = []
    }

    private let state: Mutex<State>

    /// - Parameter metrics: what is reported through swift-metrics, which knows only names.
    package init(_ metrics: [Metric]) {
        state = Mutex(State(helps: Dictionary(uniqueKeysWithValues: metrics.map { ($0.name, $0.help) })))
    }

    /// Adds numbers that are read for each scrape.
    /// - Parameter read: adds each series at most once; called on the thread that writes the text, so it may block.
    package func read(_ read: @escaping @Sendable (inout MetricReadings) -> Void) {
        state.withLock { $0.readers.append(read) }
    }

    /// Adds a histogram that somebody else keeps.
    func add(_ histogram: PrometheusHistogram, _ metric: Metric, _ labels: Labels) {
        state.withLock { state in
            state.series[SeriesName(metric, labels)] = histogram
            state.helps[metric.name] = metric.help
        }
    }

    /// The text of ``text``, written on a thread of its own: it takes milliseconds, and reads files.
    package func scrape() async -> String { await OwnThread.run { self.text } ?? text }

    /// All series, sorted by name and labels.
    package var text: String {
        let state = state.withLock(\.self)
        var readings = MetricReadings()
        for read in state.readers { read(&readings) }
        let lines =
            state.series.map { ($0.key, $0.value.kind, state.helps[$0.key.name], $0.value.lines($0.key)) }
            + readings.lines.map { ($0.name, $0.metric.kind, $0.metric.help, $0.line) }
        var (text, family) = ("", "")
        for (name, kind, help, lines) in lines.sorted(by: { $0.0 < $1.0 }) where !lines.isEmpty {
            if name.name != family {
                family = name.name
                if let help { text += "# HELP \(family) \(help)\n" }
                text += "# TYPE \(family) \(kind.rawValue)\n"
            }
            text += lines
        }
        return text
    }

    private func find<Series: PrometheusSeries>(
        _ name: String, _ labels: [(String, String)], make: () -> Series
    ) -> Series {
        state.withLock { state in
            let name = SeriesName(name, labels)
            if let known = state.series[name] as? Series { return known }
            let new = make()
            state.series[name] = new
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

/// What is read for one scrape.
package struct MetricReadings {
    fileprivate private(set) var lines: [(name: SeriesName, metric: Metric, line: String)] = []

    /// - Parameter value: nil leaves the series out.
    package mutating func add(_ metric: Metric, _ value: Double?, by labels: Labels = [:]) {
        guard let value else { return }
        let name = SeriesName(metric, labels)
        lines.append((name, metric, name.line("\(value)")))
    }

    package mutating func add(_ metric: Metric, _ count: Int, by labels: Labels = [:]) {
        add(metric, Double(count), by: labels)
    }
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

    init(_ metric: Metric, _ labels: Labels) {
        self.init(metric.name, labels.map { ($0.key.rawValue, $0.value.text) })
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
