import TokenExchange

/// Reads of one kind, told apart by a name such as a path.
///
/// Each read has its own thread, one for each name at a time, and each caller waits only as long as its own time allows. So
/// a file that hangs holds one thread, and only the callers that need that file.
///
/// Nothing is kept: a caller that asks while a read is under way gets its result, any other begins a new read, so a file
/// that was replaced is seen.
package final class BlockingReads<Value: Sendable>: Sendable {
    private let flights = SingleFlight<String, Value?>()
    private let sleep: @Sendable (Duration) async throws -> Void

    /// Passing a `sleep` lets tests own the time limits.
    package init(
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.sleep = sleep
    }

    /// - Returns: nil if the read has not ended within `limit`, in which case it goes on; or if too many others hang already.
    package func value(
        of name: String, within limit: Duration, read: @escaping @Sendable () -> Value
    ) async -> Value? {
        await flights.value(for: name, within: limit, sleep: sleep) { await OwnThread.run(read) }.value ?? nil
    }
}
