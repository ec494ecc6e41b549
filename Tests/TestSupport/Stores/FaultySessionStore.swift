import Synchronization
package import TokenExchange

/// Hands through to another store; fails and tampers on demand, and notes what passes.
package final class FaultySessionStore: SessionStore {
    private struct State {
        var fault: SessionStoreFailure.Cause?
        var refusals = 0
        var refused: Set<Partition> = []
        var tamper: @Sendable ([UInt8]) -> [UInt8] = { $0 }
        var roundTrips = 0
        var written: [StoredSession] = []
        var exchanged: [ExchangeRecords] = []
        var budgets: [Duration] = []
        var whenAsked: @Sendable () -> Void = {}
    }

    private let inner: any SessionStore
    private let state = Mutex(State())

    package init(_ inner: any SessionStore) {
        self.inner = inner
    }

    /// Nil: all is well again.
    package func fail(with cause: SessionStoreFailure.Cause?) { state.withLock { $0.fault = cause } }

    /// Times out for as many of the next calls.
    package func refuseNext(_ count: Int) { state.withLock { $0.refusals = count } }

    /// Takes no session alone in these.
    package func refuse(_ partitions: Set<Partition>) { state.withLock { $0.refused = partitions } }

    /// Gives session records out other than they are.
    package func tamper(_ change: @escaping @Sendable ([UInt8]) -> [UInt8]) { state.withLock { $0.tamper = change } }

    /// To the other store, since the last reset.
    package var roundTrips: Int { state.withLock(\.roundTrips) }

    package func reset() { state.withLock { $0.roundTrips = 0 } }

    /// Sessions that were inserted alone, in order.
    package var written: [StoredSession] { state.withLock(\.written) }

    /// What whole exchanges asked to store, in order.
    package var exchanged: [ExchangeRecords] { state.withLock(\.exchanged) }

    /// How long each call might have taken, in order.
    package var budgets: [Duration] { state.withLock(\.budgets) }

    /// Calls `action` whenever something is asked of the store.
    package func whenAsked(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.whenAsked = action } }

    private func pass(
        _ operation: SessionStoreFailure.Operation, within budget: Duration
    ) throws(SessionStoreFailure) {
        state.withLock(\.whenAsked)()
        let fault = state.withLock { state -> SessionStoreFailure.Cause? in
            state.budgets.append(budget)
            guard state.refusals == 0 else {
                state.refusals -= 1
                return .timedOut
            }
            state.roundTrips += 1
            return state.fault
        }
        if let fault { throw SessionStoreFailure(operation, fault) }
    }

    private func tampered(_ record: SealedRecord) -> SealedRecord {
        SealedRecord(bytes: state.withLock(\.tamper)(record.bytes))
    }

    package func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        try pass(.exchange, within: budget)
        state.withLock { $0.exchanged.append(records) }
        switch try await inner.insertIfAbsent(records, replacing: unreadable, within: budget) {
        case .inserted: return .inserted
        case .answered(let answer, let session): return .answered(answer, session: tampered(session))
        }
    }

    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {
        try pass(.insert, within: budget)
        let isRefused = state.withLock { $0.refused.contains(session.key.partition) }
        if isRefused { throw SessionStoreFailure(.insert, .notConnected(detail: "connection refused")) }
        state.withLock { $0.written.append(session) }
        try await inner.insertIfAbsent(session, within: budget)
    }

    package func replace(
        _ expected: SealedRecord, with session: StoredSession, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool {
        try pass(.insert, within: budget)
        return try await inner.replace(expected, with: session, within: budget)
    }

    package func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? {
        try pass(.session, within: budget)
        return try await inner.session(key, within: budget).map(tampered)
    }

    package func revoke(
        _ key: RecordKey, until end: UnixTime, within budget: Duration
    ) async throws(SessionStoreFailure) {
        try pass(.revoke, within: budget)
        try await inner.revoke(key, until: end, within: budget)
    }

    package var patience: Duration { inner.patience }

    package func check(within budget: Duration) async throws(SessionStoreFailure) {
        try pass(.check, within: budget)
        try await inner.check(within: budget)
    }
}
