import NIOCore
import Synchronization

/// How long a server has been down. A restart or a failover takes a moment, and logins wait that long; an older outage is
/// certain, and nobody waits for its end.
final class OutageClock: Sendable {
    private let patience: TimeAmount
    /// Uptime in nanoseconds; zero while the server is up.
    private let beganAt = Atomic<UInt64>(0)

    /// `patience` is the age up to which an outage is young.
    init(patience: TimeAmount) {
        self.patience = patience
    }

    /// An outage that has begun already goes on.
    func begin(at now: NIODeadline) {
        _ = beganAt.compareExchange(expected: 0, desired: now.uptimeNanoseconds, ordering: .relaxed)
    }

    /// The server has been heard from.
    func end() {
        if beganAt.load(ordering: .relaxed) != 0 { beganAt.store(0, ordering: .relaxed) }
    }

    /// Whether it is worth waiting; also while there is no outage.
    func isYoung(at now: NIODeadline) -> Bool {
        let beganAt = beganAt.load(ordering: .relaxed)
        return beganAt == 0 || now < .uptimeNanoseconds(beganAt) + patience
    }
}
