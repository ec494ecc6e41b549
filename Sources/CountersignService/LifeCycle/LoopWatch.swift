package import NIOCore
import Synchronization

/// Notices when an event loop is kept from its work: each has a heartbeat, and the longest delay of one is remembered.
///
/// What a loop is late for, every request on it is late for.
package final class LoopWatch: Sendable {
    private static let interval = TimeAmount.milliseconds(100)

    /// Nanoseconds.
    private final class Beat: Sendable {
        let loop: any EventLoop
        private let latest: Atomic<UInt64>
        let longestGap = Atomic<UInt64>(0)

        init(of loop: any EventLoop) {
            self.loop = loop
            latest = Atomic(loop.now.uptimeNanoseconds)
        }

        /// By how much it is late now.
        var gap: UInt64 {
            let now = loop.now
            let due = latest.load(ordering: .relaxed) + UInt64(LoopWatch.interval.nanoseconds)
            return now.uptimeNanoseconds > due ? now.uptimeNanoseconds - due : 0
        }

        func beat() {
            longestGap.max(gap, ordering: .relaxed)
            latest.store(loop.now.uptimeNanoseconds, ordering: .relaxed)
        }
    }

    private let beats: [Beat]

    /// Watches for as long as the loops run.
    package init(_ loops: some Sequence<any EventLoop>) {
        beats = loops.map { loop in
            let beat = Beat(of: loop)
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.interval) { _ in beat.beat() }
            return beat
        }
    }

    /// The longest time since the start by which a loop was late; of a loop that hangs, until now.
    package var longestGap: Duration {
        let gaps = beats.map { Swift.max($0.longestGap.load(ordering: .relaxed), $0.gap) }
        return .nanoseconds(gaps.max() ?? 0)
    }
}
