package import NIOCore
import Synchronization

/// Notices when an event loop is kept from its work: each has a heartbeat, and the longest delay of one is remembered.
///
/// What a loop is late for, every request on it is late for.
package final class LoopWatch: Sendable {
    private static let interval = TimeAmount.milliseconds(100)

    /// Nanoseconds.
    private final class Beat: Sendable {
        let latest = Atomic<UInt64>(NIODeadline.now().uptimeNanoseconds)
        let longestGap = Atomic<UInt64>(0)

        func gap(at now: NIODeadline) -> UInt64 {
            let due = latest.load(ordering: .relaxed) + UInt64(LoopWatch.interval.nanoseconds)
            return now.uptimeNanoseconds > due ? now.uptimeNanoseconds - due : 0
        }

        func beat(at now: NIODeadline) {
            longestGap.max(gap(at: now), ordering: .relaxed)
            latest.store(now.uptimeNanoseconds, ordering: .relaxed)
        }
    }

    private let beats: [Beat]

    /// Watches for as long as the loops run.
    package init(_ loops: some Sequence<any EventLoop>) {
        beats = loops.map { loop in
            let beat = Beat()
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.interval) { _ in beat.beat(at: loop.now) }
            return beat
        }
    }

    /// The longest time since the start by which a loop was late; of a loop that hangs, until now.
    package var longestGap: Duration {
        let now = NIODeadline.now()
        let gaps = beats.map { Swift.max($0.longestGap.load(ordering: .relaxed), $0.gap(at: now)) }
        return .nanoseconds(gaps.max() ?? 0)
    }
}
