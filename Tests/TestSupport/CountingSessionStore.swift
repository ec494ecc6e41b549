import Synchronization
package import TokenExchange

/// Counts the round trips to another store.
package final class CountingSessionStore: SessionStore {
    private let inner: any SessionStore
    private let calls = Mutex(0)

    package init(_ inner: any SessionStore) {
        self.inner = inner
    }

    package var count: Int { calls.withLock(\.self) }

    package func reset() { calls.withLock { $0 = 0 } }

    private func note() { calls.withLock { $0 += 1 } }

    package func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        note()
        return try await inner.insertIfAbsent(records, replacing: unreadable, within: budget)
    }

    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {
        note()
        try await inner.insertIfAbsent(session, within: budget)
    }

    package func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? {
        note()
        return try await inner.session(key, within: budget)
    }

    package func revoke(_ key: RecordKey, until end: UnixTime, within budget: Duration)
        async throws(SessionStoreFailure)
    {
        note()
        try await inner.revoke(key, until: end, within: budget)
    }

    package func check(within budget: Duration) async throws(SessionStoreFailure) {
        try await inner.check(within: budget)
    }
}
