import DequeModule
import Synchronization

/// Lets so many callers through at once; the others wait in line, first come, first served.
package final class ConcurrencyLimit: Sendable {
    private struct State {
        var free: Int
        var lastTicket = 0
        var waiting: Deque<(ticket: Int, continuation: CheckedContinuation<Bool, Never>)> = []
    }

    private let state: Mutex<State>

    package init(_ count: Int) {
        state = Mutex(State(free: count))
    }

    package var waitingCount: Int { state.withLock(\.waiting.count) }

    /// - Returns: false where no turn came within `limit`, or the caller was cancelled; otherwise the turn has to be given back.
    package func take(
        within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) async -> Bool {
        if state.withLock({ Self.take(from: &$0) }) { return true }
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                try? await sleep(limit)
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            // A turn in the very moment of the time-out counts.
            return await group.reduce(first) { $0 || $1 }
        }
    }

    /// To whoever has waited longest.
    package func giveBack() {
        state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.free += 1 }
            return next?.continuation
        }?.resume(returning: true)
    }

    private static func take(from state: inout State) -> Bool {
        guard state.free > 0 else { return false }
        state.free -= 1
        return true
    }

    private func wait() async -> Bool {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state -> Bool? in
                    if Self.take(from: &state) { return true }
                    // A cancellation before this line has found nobody in line, one after it will.
                    if Task.isCancelled { return false }
                    state.waiting.append((ticket, continuation))
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            state.withLock { state in
                let index = state.waiting.firstIndex { $0.ticket == ticket }
                return index.map { state.waiting.remove(at: $0).continuation }
            }?.resume(returning: false)
        }
    }
}
