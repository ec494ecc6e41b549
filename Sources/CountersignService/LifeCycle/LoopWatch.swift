package import NIOCore
import Synchronization

/// Notices when an event loop is blocked: each loop has a heartbeat, and the longest delay of any is remembered.
///
/// While a loop is late, every request on it is late.
package final class LoopWatch: Sendable {
    private static let interval = TimeAmount.milliseconds(100)

    /// Nanoseconds.
    private final class Beat: Sendable {
        let loop: any EventLoop
        private let latest: Atomic<UInt64>
        let longestGap = Atomic<UInt64>(0)
        let lag = PrometheusHistogram()

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
            let gap = gap
            longestGap.max(gap, ordering: .relaxed)
            lag.recordNanoseconds(Int64(clamping: gap))
            latest.store(loop.now.uptimeNanoseconds, ordering: .relaxed)
        }
    }

    private let beats: [Beat]

    /// Watches these loops for as long as they run.
    package init(_ loops: some Sequence<any EventLoop>) {
        beats = loops.map { loop in
            let beat = Beat(of: loop)
            loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.interval) { _ in beat.beat() }
            return beat
        }
    }

    /// All delays of each loop.
    var lags: [PrometheusHistogram] { beats.map(\.lag) }

    /// The longest delay of each loop since the start; a loop that still hangs counts with its delay until now.
    var longestGaps: [Duration] {
        beats.map { .nanoseconds(Swift.max($0.longestGap.load(ordering: .relaxed), $0.gap)) }
    }

    /// By how much the latest loop is late now; what it has made up for does not count.
    package var lateness: Duration { .nanoseconds(beats.map(\.gap).max() ?? 0) }

    /// The longest of all.
    package var longestGap: Duration { longestGaps.max() ?? .zero }
}
