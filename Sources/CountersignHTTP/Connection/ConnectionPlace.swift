import NIOCore
import Synchronization
package import TokenExchange

/// An order to a connection, sent as an event of its channel.
enum ConnectionOrder {
    /// The next answer is the last.
    case drain
    /// Another client needs its place.
    case evict
    /// End at once.
    case end
}

/// An open connection, as the gate of its listener sees it. May be used from any thread.
package final class ConnectionPlace: Sendable {
    /// Nil if the other end has no address.
    package let peer: IPAddress?
    /// The source whose limit it counts against; nil if none.
    let source: RequestSource?
    private let channel: any Channel
    private let gate: ConnectionGate
    let metrics: ConnectionMetrics
    /// ``waitingSince`` in nanoseconds; the largest number means nil.
    private let waiting = Atomic<UInt64>(.max)
    private let asked = Atomic(false)

    /// - Parameter countsForSource: whether the limit for each source applies.
    init(
        _ channel: any Channel, peer: IPAddress?, countsForSource: Bool, gate: ConnectionGate,
        metrics: ConnectionMetrics
    ) {
        self.channel = channel
        self.peer = peer
        source = countsForSource ? peer.map(RequestSource.init) : nil
        self.gate = gate
        self.metrics = metrics
    }

    /// Nil while the peer waits for us.
    var waitingSince: NIODeadline? {
        let nanoseconds = waiting.load(ordering: .relaxed)
        return nanoseconds == .max ? nil : .uptimeNanoseconds(nanoseconds)
    }

    /// Whether it has ever sent a whole request head.
    var hasAsked: Bool { asked.load(ordering: .relaxed) }

    /// Records since when it has waited for its peer; nil if the peer waits for us.
    func isWaiting(since moment: NIODeadline?) {
        if moment == nil { asked.store(true, ordering: .relaxed) }
        waiting.store(moment?.uptimeNanoseconds ?? .max, ordering: .relaxed)
    }

    /// Whether its listener is draining, so that its next answer is its last.
    var isDraining: Bool { gate.isDraining }

    /// Reaches the connection on its own event loop.
    func order(_ order: ConnectionOrder) { channel.pipeline.fireUserInboundEventTriggered(order) }

    /// The connection has ended, but its request may still be running.
    func closed(_ reason: CloseReason) { metrics.closed(reason) }

    /// Frees the place: connection and request have ended.
    func leave() { gate.leave(self) }
}
