import TokenExchange

/// Reads of one kind, told apart by a name such as a path.
///
/// Each read has a thread of its own, one for each name at a time, and whoever asks waits for as long as his own time allows:
/// a file that hangs holds one thread, and nobody who does not need that file.
///
/// Nothing is kept: who asks while a read is under way gets what that read brings, everybody else begins another, so that
/// a file that was replaced is seen.
package final class BlockingReads<Value: Sendable>: Sendable {
    private let flights = SingleFlight<String, Value?>()
    private let sleep: @Sendable (Duration) async throws -> Void

    package init(
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.sleep = sleep
    }

    /// - Returns: nil if the read has not ended within `limit`, or too many others hang already. It goes on then.
    package func value(
        of name: String, within limit: Duration, read: @escaping @Sendable () -> Value
    ) async -> Value? {
        await flights.value(for: name, within: limit, sleep: sleep) { await OwnThread.run(read) }.value ?? nil
    }
}
