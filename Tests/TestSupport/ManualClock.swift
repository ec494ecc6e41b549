import Synchronization
package import TokenExchange

/// A wall clock and a monotonic clock that stand still until told to move.
package final class ManualClock: Sendable {
    /// 2025-11-24T17:00:00Z.
    package static let start = UnixTime(seconds: 1_764_003_600)

    private let elapsed = Mutex(Duration.zero)

    package init() {}

    package func advance(by duration: Duration) {
        elapsed.withLock { $0 += duration }
    }

    package var now: UnixTime { Self.start + elapsed.withLock(\.self) }

    package var time: TimeSource {
        TimeSource(now: { self.now }, elapsed: { self.elapsed.withLock(\.self) })
    }
}
