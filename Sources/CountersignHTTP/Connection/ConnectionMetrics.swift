package import CoreMetrics

/// Counts the connections of a listener: how they begin and why they end.
package struct ConnectionMetrics: Sendable {
    private let acceptedCount: Counter
    private let refusedCounts: [ConnectionRefusal: Counter]
    private let closedCounts: [CloseReason: Counter]
    private let acceptErrorCount: Counter
    private let http2Count: Counter
    private let streamResetCount: Counter
    private let queueing: Timer

    /// - Parameter listener: its name, `public` or `operations`.
    package init(factory: any MetricsFactory, listener: LabelValue) {
        acceptedCount = factory.counter(Self.accepted, [.listener: listener])
        acceptErrorCount = factory.counter(Self.acceptErrors, [.listener: listener])
        let refusals = ConnectionRefusal.allCases.map {
            ($0, factory.counter(Self.refused, [.listener: listener, .limit: LabelValue($0)]))
        }
        http2Count = factory.counter(Self.http2, [.listener: listener])
        streamResetCount = factory.counter(Self.streamResets, [.listener: listener])
        queueing = factory.timer(Self.queueingTime, [.listener: listener])
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

    /// A connection agreed on HTTP/2.
    func agreedOnHTTP2() { http2Count.increment() }

    /// We reset a stream of HTTP/2 instead of answering on it.
    func streamReset() { streamResetCount.increment() }

    /// How long a probe waited for its event loop, as requests do.
    func waited(_ duration: Duration) { queueing.recordNanoseconds(Int64(duration / .nanoseconds(1))) }

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
    private static let http2 = Metric.counter(
        "countersign_http2_connections_total", "Connections that agreed on HTTP/2.")
    private static let streamResets = Metric.counter(
        "countersign_http2_streams_reset_total",
        "Requests of HTTP/2 that we ended without an answer: beyond a limit, against the protocol, or unread.")
    private static let queueingTime = Metric.histogram(
        "countersign_queueing_seconds", "How long requests wait for their event loop, by probes.")

    package static let all = [accepted, acceptErrors, refused, closed, http2, streamResets, queueingTime]
    /// Gauges that the service reads itself.
    package static let open = Metric.gauge("countersign_connections", "Open connections, by who waits for whom.")
    package static let limit = Metric.gauge(
        "countersign_connections_limit", "How many connections the listener accepts.")
}
