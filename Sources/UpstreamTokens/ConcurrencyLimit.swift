import TokenExchange

/// Lets a number of callers through at once; the others wait in line, first come, first served.
package final class ConcurrencyLimit: Sendable {
    /// Turns that nobody has.
    private let free: AwaitableState<Int>

    /// `count` turns, at least one.
    package init(_ count: Int) {
        free = AwaitableState(count)
    }

    /// How many callers wait for a turn.
    package var waitingCount: Int { free.waitingCount }

    /// - Returns: false if no turn came within `limit`, or the caller was cancelled; otherwise the turn has to be given back.
    package func take(
        within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) async -> Bool {
        await free.value(within: limit, sleep: sleep) { free -> Bool? in
            guard free > 0 else { return nil }
            free -= 1
            return true
        } ?? false
    }

    /// Hands the turn to the caller that has waited longest.
    package func giveBack() { free.change { $0 += 1 } }
}
