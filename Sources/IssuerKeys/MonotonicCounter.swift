import Synchronization

/// A number that only rises, and the tasks that wait for it to do so.
final class MonotonicCounter: Sendable {
    private struct State {
        var value = 0
        var lastTicket = 0
        var waiting: [Int: (target: Int, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state = Mutex(State())

    /// Never falls: a lesser value changes nothing.
    func rise(to value: Int) {
        let due = state.withLock { state in
            state.value = max(state.value, value)
            let due = state.waiting.filter { $0.value.target <= state.value }
            for ticket in due.keys { state.waiting[ticket] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Whether the number has risen to `target` when this returns: then, after `limit`, or when the caller is cancelled.
    func reaches(
        _ target: Int, within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) async -> Bool {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(for: target) }
            group.addTask { try? await sleep(limit) }
            await group.next()
            group.cancelAll()
        }
        return state.withLock { $0.value >= target }
    }

    private func wait(for target: Int) async {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // A cancellation before this line has found no ticket, one after it will.
                    if state.value >= target || Task.isCancelled { return true }
                    state.waiting[ticket] = (target, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.continuation.resume()
        }
    }
}
