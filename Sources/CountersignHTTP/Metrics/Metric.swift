package import CoreMetrics

/// One metric: its name, and what Prometheus wants to know of it.
package struct Metric: Sendable {
    /// Raw values are those of `# TYPE`.
    package enum Kind: String, Sendable {
        /// Only grows; its name ends in `_total`.
        case counter
        case gauge
        case histogram
    }

    package let name: String
    package let kind: Kind
    /// What it means, in one line: its `# HELP`.
    package let help: String

    /// A metric of another kind than a gauge is made with ``counter(_:_:)`` or ``histogram(_:_:)``.
    private init(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
        self.name = "\(name)"
        self.kind = kind
        self.help = "\(help)"
    }

    package static func counter(_ name: StaticString, _ help: StaticString) -> Metric { Metric(name, .counter, help) }

    package static func gauge(_ name: StaticString, _ help: StaticString) -> Metric { Metric(name, .gauge, help) }

    /// Of durations, in seconds.
    package static func histogram(_ name: StaticString, _ help: StaticString) -> Metric {
        Metric(name, .histogram, help)
    }
}

/// The names of all labels. `le` is taken by Prometheus.
package enum LabelName: String, Sendable, CaseIterable {
    case algorithm, cause, kind, limit, listener, loop, operation, outcome, phase, reason, route, state, status, step,
        swift
    case tenant, use, version
    case errorCode = "error_code"
    case identityProvider = "identity_provider"
}

/// The labels of one series.
package typealias Labels = KeyValuePairs<LabelName, LabelValue>

/// The only way by which our code makes series in swift-metrics, which takes any text.
extension MetricsFactory {
    package func counter(_ metric: Metric, _ labels: Labels = [:]) -> Counter {
        Counter(label: metric.name, dimensions: Self.dimensions(labels), factory: self)
    }

    package func timer(_ metric: Metric, _ labels: Labels = [:]) -> Timer {
        Timer(label: metric.name, dimensions: Self.dimensions(labels), factory: self)
    }

    private static func dimensions(_ labels: Labels) -> [(String, String)] {
        labels.map { ($0.key.rawValue, $0.value.text) }
    }
}
