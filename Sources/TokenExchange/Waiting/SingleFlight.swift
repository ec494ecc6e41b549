import Synchronization

/// Who waits for what: at most one flight for each key. Knows no tasks and no time.
package struct FlightBoard<Key: Hashable & Sendable> {
    package enum Role: Equatable {
        /// Nobody is under way for this key: the caller must fly.
        case leads
        case follows
    }

    private var waiting: [Key: Set<Int>] = [:]

    package init() {}

    package mutating func join(_ key: Key, as ticket: Int) -> Role {
        guard waiting[key] == nil else {
            waiting[key]?.insert(ticket)
            return .follows
        }
        waiting[key] = [ticket]
        return .leads
    }

    /// A flight goes on also where nobody waits for it any more.
    package mutating func leave(_ key: Key, as ticket: Int) {
        waiting[key]?.remove(ticket)
    }

    /// - Returns: those who wait; the next to join leads again.
    package mutating func land(_ key: Key) -> Set<Int> {
        waiting.removeValue(forKey: key) ?? []
    }

    package var flightCount: Int { waiting.count }
}

/// Runs one piece of work for each key at a time, and gives its result to all who ask meanwhile. The work belongs to
/// nobody: no caller's cancellation ends it.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct State {
        var board = FlightBoard<Key>()
        var lastTicket = 0
        var continuations: [Int: CheckedContinuation<Value?, Never>] = [:]
        /// Landed before their owner began to wait.
        var early: [Int: Value] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var flightCount: Int { state.withLock(\.board.flightCount) }

    /// - Returns: no value where nothing has landed within `limit`, or the caller was cancelled; and whether the flight
    ///   was the caller's own.
    package func value(
        for key: Key, within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        flight: @escaping @Sendable () async -> Value
    ) async -> (value: Value?, isOwn: Bool) {
        let (ticket, role) = state.withLock { state in
            state.lastTicket += 1
            return (state.lastTicket, state.board.join(key, as: state.lastTicket))
        }
        if role == .leads {
            Task {
                let value = await flight()
                self.land(key, with: value)
            }
        }
        let value = await withTaskGroup(of: Value?.self) { group in
            group.addTask { await self.wait(for: key, as: ticket) }
            group.addTask {
                try? await sleep(limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            // A landing in the very moment of the time-out counts.
            return await group.reduce(first) { $0 ?? $1 }
        }
        return (value, role == .leads)
    }

    private func land(_ key: Key, with value: Value) {
        let due = state.withLock { state in
            var due: [CheckedContinuation<Value?, Never>] = []
            for ticket in state.board.land(key) {
                if let continuation = state.continuations.removeValue(forKey: ticket) {
                    due.append(continuation)
                } else {
                    state.early[ticket] = value
                }
            }
            return due
        }
        for continuation in due { continuation.resume(returning: value) }
    }

    private func wait(for key: Key, as ticket: Int) async -> Value? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
                let outcome = state.withLock { state -> Value?? in
                    if let value = state.early.removeValue(forKey: ticket) { return .some(value) }
                    // A cancellation before this line has found no continuation, one after it will.
                    if Task.isCancelled {
                        state.board.leave(key, as: ticket)
                        return .some(nil)
                    }
                    state.continuations[ticket] = continuation
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            state.withLock { state -> CheckedContinuation<Value?, Never>? in
                guard let continuation = state.continuations.removeValue(forKey: ticket) else { return nil }
                state.board.leave(key, as: ticket)
                return continuation
            }?.resume(returning: nil)
        }
    }
}
