import TokenExchange

/// A number that only rises, and the tasks that wait for it to do so.
final class MonotonicCounter: Sendable {
    private let value = AwaitableState(0)

    /// Never falls: a lesser value changes nothing.
    func rise(to value: Int) { self.value.change { $0 = max($0, value) } }

    /// Whether the number has risen to `target` when this returns: then, after `limit`, or when the caller is cancelled.
    func reaches(
        _ target: Int, within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) async -> Bool {
        await value.value(within: limit, sleep: sleep) { $0 >= target ? true : nil } ?? false
    }
}
