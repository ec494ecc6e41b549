import Synchronization
package import TokenExchange

/// A store that fails on demand and otherwise hands through to another.
package final class FaultySessionStore: SessionStore {
    private let inner: any SessionStore
    private let fault = Mutex<SessionStoreFailure.Cause?>(nil)

    package init(_ inner: any SessionStore) {
        self.inner = inner
    }

    /// Nil: all is well again.
    package func fail(with cause: SessionStoreFailure.Cause?) {
        fault.withLock { $0 = cause }
    }

    private func check(_ operation: SessionStoreFailure.Operation) throws(SessionStoreFailure) {
        if let cause = fault.withLock({ $0 }) { throw SessionStoreFailure(operation, cause) }
    }

    package func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        try check(.exchange)
        return try await inner.insertIfAbsent(records, replacing: unreadable, within: budget)
    }

    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {
        try check(.insert)
        try await inner.insertIfAbsent(session, within: budget)
    }

    package func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? {
        try check(.session)
        return try await inner.session(key, within: budget)
    }

    package func revoke(
        _ key: RecordKey, until end: UnixTime, within budget: Duration
    ) async throws(SessionStoreFailure) {
        try check(.revoke)
        try await inner.revoke(key, until: end, within: budget)
    }

    package func check(within budget: Duration) async throws(SessionStoreFailure) {
        try check(.check)
        try await inner.check(within: budget)
    }
}
