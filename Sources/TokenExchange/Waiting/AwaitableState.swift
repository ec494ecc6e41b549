import Synchronization

/// A state behind a lock, and the tasks that wait to get something out of it: each until it has, its time has passed, or
/// it is cancelled. The one place where a task is suspended until another one changes something.
package final class AwaitableState<State: Sendable>: Sendable {
    private typealias WakeUp = @Sendable () -> Void

    private struct Waiter: Sendable {
        let ticket: Int
        /// What wakes the task with what it has got; nil if it has to go on waiting.
        let attempt: @Sendable (inout State) -> WakeUp?
        let giveUp: WakeUp
    }

    private struct Guarded {
        var state: State
        var lastTicket = 0
        /// In the order in which they came.
        var waiters: [Waiter] = []

        /// What wakes the waiter at once; nil if it has to wait.
        mutating func add(_ waiter: Waiter) -> WakeUp? {
            if let wakeUp = waiter.attempt(&state) { return wakeUp }
            // A cancellation before this line has found nobody waiting, one after it will.
            if Task.isCancelled { return waiter.giveUp }
            waiters.append(waiter)
            return nil
        }

        mutating func remove(_ ticket: Int) -> WakeUp? {
            waiters.firstIndex { $0.ticket == ticket }.map { waiters.remove(at: $0).giveUp }
        }

        /// - Returns: what wakes those who need not wait any more.
        mutating func attemptAll() -> [WakeUp] {
            var wakeUps: [WakeUp] = []
            let all = waiters
            waiters = []
            for waiter in all {
                if let wakeUp = waiter.attempt(&state) { wakeUps.append(wakeUp) } else { waiters.append(waiter) }
            }
            return wakeUps
        }
    }

    private let guarded: Mutex<Guarded>

    /// Nobody waits yet.
    package init(_ state: State) {
        guarded = Mutex(Guarded(state: state))
    }

    /// The state as it is now.
    package var current: State { guarded.withLock(\.state) }

    /// How many tasks are suspended now.
    package var waitingCount: Int { guarded.withLock(\.waiters.count) }

    /// Changes the state under the lock, then has all who wait try again, in the order in which they came.
    package func change(_ body: (inout State) -> Void) {
        let wakeUps = guarded.withLock { guarded in
            body(&guarded.state)
            return guarded.attemptAll()
        }
        for wakeUp in wakeUps { wakeUp() }
    }

    /// What `attempt` takes from the state, now or after a later change; nil if it could take nothing within `limit`, or
    /// the caller was cancelled.
    ///
    /// - Parameter attempt: called under the lock; nil if there is nothing to take yet.
    package func value<Value: Sendable>(
        within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        _ attempt: @escaping @Sendable (inout State) -> Value?
    ) async -> Value? {
        if let value = guarded.withLock({ attempt(&$0.state) }) { return value }
        return await withTimeLimit(limit, sleep: sleep) { await self.wait(attempt) }
    }

    private func wait<Value: Sendable>(_ attempt: @escaping @Sendable (inout State) -> Value?) async -> Value? {
        let ticket = guarded.withLock { guarded in
            guarded.lastTicket += 1
            return guarded.lastTicket
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
                let waiter = Waiter(
                    ticket: ticket,
                    attempt: { state in
                        guard let value = attempt(&state) else { return nil }
                        return { continuation.resume(returning: value) }
                    }, giveUp: { continuation.resume(returning: nil) })
                let wakeUp = guarded.withLock { $0.add(waiter) }
                wakeUp?()
            }
        } onCancel: {
            let wakeUp = guarded.withLock { $0.remove(ticket) }
            wakeUp?()
        }
    }
}
