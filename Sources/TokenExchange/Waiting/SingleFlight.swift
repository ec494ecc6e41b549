import Synchronization

/// Runs one piece of work for each key at a time, and gives its result to all who ask meanwhile. The work belongs to
/// nobody: no caller's cancellation ends it.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// Work under way, by key. Each state holds the result once there is one.
    private let results = Mutex<[Key: AwaitableState<Value?>]>([:])

    /// No work is under way.
    package init() {}

    /// How many pieces of work are under way.
    package var flightCount: Int { results.withLock(\.count) }

    /// - Parameter work: begun unless other work for the key is under way.
    /// - Returns: no value if none has come within `limit`, or the caller was cancelled; and whether the work was the
    ///   caller's own.
    package func value(
        for key: Key, within limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
        work: @escaping @Sendable () async -> Value
    ) async -> (value: Value?, isOwn: Bool) {
        let (result, isOwn) = results.withLock { results in
            if let result = results[key] { return (result, false) }
            let result = AwaitableState<Value?>(nil)
            results[key] = result
            return (result, true)
        }
        if isOwn {
            Task {
                let value = await work()
                // First, so that nobody finds a result that is no longer new.
                self.results.withLock { $0[key] = nil }
                result.change { $0 = value }
            }
        }
        return (await result.value(within: limit, sleep: sleep) { $0 }, isOwn)
    }
}
