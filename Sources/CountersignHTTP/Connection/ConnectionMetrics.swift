package import CoreMetrics

/// Counts the connections of a listener: how they begin and why they end.
package struct ConnectionMetrics: Sendable {
    private let acceptedCount: Counter
    private let refusedCounts: [ConnectionRefusal: Counter]
    private let closedCounts: [CloseReason: Counter]
    private let acceptErrorCount: Counter

    /// - Parameter listener: its name, `public` or `operations`.
    package init(factory: any MetricsFactory, listener: LabelValue) {
        acceptedCount = factory.counter(Self.accepted, [.listener: listener])
        acceptErrorCount = factory.counter(Self.acceptErrors, [.listener: listener])
        let refusals = ConnectionRefusal.allCases.map {
            ($0, factory.counter(Self.refused, [.listener: listener, .limit: LabelValue($0)]))
        }
        refusedCounts = Dictionary(uniqueKeysWithValues: refusals)
        let reasons = CloseReason.allCases.map {
            ($0, factory.counter(Self.closed, [.listener: listener, .reason: LabelValue($0)]))
        }
        closedCounts = Dictionary(uniqueKeysWithValues: reasons)
    }

    /// A connection got a place.
    func accepted() { acceptedCount.increment() }

    /// The kernel could not give us a connection.
    func acceptFailed() { acceptErrorCount.increment() }

    /// A connection got no place.
    func refused(_ refusal: ConnectionRefusal) { refusedCounts[refusal]?.increment() }

    /// A connection that had a place ended.
    func closed(_ reason: CloseReason) { closedCounts[reason]?.increment() }

    private static let accepted = Metric.counter(
        "countersign_connections_accepted_total", "Connections that got a place.")
    private static let acceptErrors = Metric.counter(
        "countersign_connection_accept_errors_total",
        "Connections that could not be accepted, because descriptors or memory were missing.")
    private static let refused = Metric.counter(
        "countersign_connections_refused_total",
        "Connections that were closed at once, by the limit that was reached.")
    private static let closed = Metric.counter(
        "countersign_connections_closed_total", "Connections that ended, by reason.")

    package static let all = [accepted, acceptErrors, refused, closed]
    /// Gauges that the service reads itself.
    package static let open = Metric.gauge("countersign_connections", "Open connections, by who waits for whom.")
    package static let limit = Metric.gauge(
        "countersign_connections_limit", "How many connections the listener accepts.")
}
