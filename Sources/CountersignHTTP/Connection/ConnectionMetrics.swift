package import CoreMetrics

/// Counts the connections of a listener: how they begin and why they end. Labels are from closed sets.
package struct ConnectionMetrics: Sendable {
    private let acceptedCount: Counter
    private let refusedCounts: [ConnectionRefusal: Counter]
    private let closedCounts: [CloseReason: Counter]
    private let acceptErrorCount: Counter
    private let http2Count: Counter
    private let streamResetCount: Counter

    /// - Parameter listener: its name, `public` or `operations`.
    package init(factory: any MetricsFactory, listener: String) {
        func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
            Counter(label: name, dimensions: [("listener", listener)] + labels, factory: factory)
        }
        acceptedCount = counter(Self.accepted)
        acceptErrorCount = counter(Self.acceptErrors)
        http2Count = counter(Self.http2)
        streamResetCount = counter(Self.streamResets)
        let refusals = ConnectionRefusal.allCases.map { ($0, counter(Self.refused, [("limit", $0.rawValue)])) }
        refusedCounts = Dictionary(uniqueKeysWithValues: refusals)
        let reasons = CloseReason.allCases.map { ($0, counter(Self.closed, [("reason", $0.rawValue)])) }
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

    private static let accepted = "countersign_connections_accepted_total"
    private static let acceptErrors = "countersign_connection_accept_errors_total"
    private static let refused = "countersign_connections_refused_total"
    private static let closed = "countersign_connections_closed_total"
    private static let http2 = "countersign_http2_connections_total"
    private static let streamResets = "countersign_http2_streams_reset_total"
    /// The name of a gauge that the service adds itself.
    package static let open = "countersign_connections"

    /// What each metric means, for the exposition's `# HELP`.
    package static let descriptions = [
        accepted: "Connections that got a place.",
        acceptErrors: "Connections that could not be accepted, because descriptors or memory were missing.",
        refused: "Connections that were closed at once, by the limit that was reached.",
        closed: "Connections that ended, by reason.",
        http2: "Connections that agreed on HTTP/2.",
        streamResets:
            "Requests of HTTP/2 that we ended without an answer: beyond a limit, against the protocol, or unread.",
        open: "Open connections, by who waits for whom.",
    ]
}
