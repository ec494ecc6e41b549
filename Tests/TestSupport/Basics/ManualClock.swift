import Synchronization
package import TokenExchange

/// A wall clock and a monotonic clock that stand still until told to move, and whose sleepers wake when they have come to
/// their time.
package final class ManualClock: Sendable {
    /// 2025-11-24T17:00:00Z.
    package static let start = UnixTime(seconds: 1_764_003_600)

    private struct State {
        var elapsed = Duration.zero
        /// The wall clock less what it should say.
        var error = Duration.zero
        var lastTicket = 0
        var sleepers: [Int: (wakesAt: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var now: UnixTime {
        state.withLock { Self.start + $0.elapsed + $0.error }
    }

    /// Has the wall clock be wrong; zero has it right again. The monotonic clock takes no notice.
    package func setError(_ error: Duration) { state.withLock { $0.error = error } }

    package var time: TimeSource {
        TimeSource(now: { self.now }, elapsed: { self.state.withLock(\.elapsed) })
    }

    /// Those whose time has not come.
    package var sleeperCount: Int { state.withLock(\.sleepers.count) }

    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.elapsed += duration
            let due = state.sleepers.filter { $0.value.wakesAt <= state.elapsed }
            for ticket in due.keys { state.sleepers[ticket] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// - Throws: `CancellationError`.
    package func sleep(_ duration: Duration) async throws {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if duration <= .zero { return .success(()) }
                    state.sleepers[ticket] = (state.elapsed + duration, continuation)
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: ticket) }?.continuation
                .resume(throwing: CancellationError())
        }
    }
}
