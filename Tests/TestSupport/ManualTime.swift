import Synchronization
package import TokenExchange

/// A monotonic clock that stands still until told to move, and whose sleepers wake when it has come to their time.
package final class ManualTime: Sendable {
    private struct State {
        var now = Duration.zero
        var lastTicket = 0
        var sleepers: [Int: (wakesAt: Duration, continuation: CheckedContinuation<Void, any Error>)] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Duration { state.withLock(\.now) }

    package var time: TimeSource {
        TimeSource(now: { ManualClock.start + self.now }, elapsed: { self.now })
    }

    /// Those whose time has not come.
    package var sleeperCount: Int { state.withLock(\.sleepers.count) }

    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.value.wakesAt <= state.now }
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
                    state.sleepers[ticket] = (state.now + duration, continuation)
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
