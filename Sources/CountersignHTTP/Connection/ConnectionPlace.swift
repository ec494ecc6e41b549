import NIOCore
import Synchronization
package import TokenExchange

/// What a connection is told from outside, as an event of its channel.
enum ConnectionOrder {
    /// The next answer is the last.
    case drain
    /// Another client needs its place.
    case evict
    /// To end at once.
    case end
}

/// An open connection as its listener knows it.
package final class ConnectionPlace: Sendable {
    /// Nil for what has no address.
    package let peer: IPAddress?
    /// Whose connections it counts among; nil if nobody's.
    let source: RequestSource?
    private let channel: any Channel
    private let gate: ConnectionGate
    private let metrics: ConnectionMetrics
    /// Nanoseconds of ``waitingSince``; the largest number for nil.
    private let waiting = Atomic<UInt64>(.max)
    private let asked = Atomic(false)

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

    var waitingSince: NIODeadline? {
        let nanoseconds = waiting.load(ordering: .relaxed)
        return nanoseconds == .max ? nil : .uptimeNanoseconds(nanoseconds)
    }

    /// Whether a request of it was begun to be answered, ever.
    var hasAsked: Bool { asked.load(ordering: .relaxed) }

    func isWaiting(since moment: NIODeadline?) {
        if moment == nil { asked.store(true, ordering: .relaxed) }
        waiting.store(moment?.uptimeNanoseconds ?? .max, ordering: .relaxed)
    }

    /// Whether its next answer is its last from the beginning: it came while its listener was draining.
    var isDraining: Bool { gate.isDraining }

    func order(_ order: ConnectionOrder) { channel.pipeline.fireUserInboundEventTriggered(order) }

    /// The connection has ended; its request may still be worked on.
    func closed(_ reason: CloseReason) { metrics.closed(reason) }

    /// The place is free.
    func leave() { gate.leave(self) }
}
