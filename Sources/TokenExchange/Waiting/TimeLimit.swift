/// What `work` brings within `limit`; nil if it takes longer, for which it is cancelled, or if the caller is cancelled.
/// Returns once `work` has, so that must end soon when it is cancelled; what it still brings then counts.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration, sleep: @escaping @Sendable (Duration) async throws -> Void,
    _ work: @escaping @Sendable () async -> Value?
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await work() }
        group.addTask {
            try? await sleep(limit)
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return await group.reduce(first) { $0 ?? $1 }
    }
}
