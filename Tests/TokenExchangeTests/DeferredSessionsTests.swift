import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite struct DeferredSessionsTests {
    private func session(_ number: UInt8, until expiresAt: UnixTime) -> StoredSession {
        StoredSession(
            key: RecordKey(digest: [UInt8](repeating: number, count: 32), in: Partition(digest: [0, 0, 0])),
            record: SealedRecord(bytes: [number]),
            expiresAt: expiresAt)
    }

    @Test func dropsTheOldestBeyondItsLimitAndCountsIt() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let sessions = (1...4).map { session($0, until: clock.now + .seconds(60)) }
        let deferred = DeferredSessions(limits: .init(entries: 3), store: store, time: clock.time) { _ in }
        sessions.forEach(deferred.append)
        #expect(deferred.count == 3)
        #expect(deferred.droppedCount == 1)
        let writing = Task { await deferred.run() }
        try await eventually("the sessions are written") { store.recordCount == 3 }
        #expect(store.session(sessions[0].key, within: .zero) == nil)
        writing.cancel()
    }

    @Test func neverWritesWhatHasExpired() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let deferred = DeferredSessions(store: store, time: clock.time) { _ in }
        deferred.append(session(1, until: clock.now))
        deferred.append(session(2, until: clock.now + .seconds(1)))
        let writing = Task { await deferred.run() }
        try await eventually("the sessions are written") { store.recordCount == 1 }
        #expect(store.session(session(1, until: clock.now).key, within: .zero) == nil)
        writing.cancel()
    }

    @Test(arguments: [(2, 0), (1, 1)])
    func keepsAsManyBytesAsItsLimitAndNoMore(spare: Int, dropped: Int) {
        let clock = ManualClock()
        let sessions = (1...3).map { session($0, until: clock.now + .seconds(60)) }
        // 32 of the digest, 3 of the partition, 1 of the record.
        let deferred = DeferredSessions(
            limits: .init(bytes: 3 * 36 - 2 + spare), store: InMemorySessionStore(time: clock.time), time: clock.time
        ) { _ in }
        sessions.forEach(deferred.append)
        #expect(deferred.droppedCount == dropped)
        #expect(deferred.count == 3 - dropped)
    }

    @Test func writesInTheOrderOfArrivalOnceTheStoreIsBack() async throws {
        let clock = ManualClock()
        let inner = InMemorySessionStore(time: clock.time)
        let store = OrderedStore(inner, refusals: 3)
        let deferred = DeferredSessions(store: store, time: clock.time) { _ in }
        for number in 1...50 { deferred.append(session(UInt8(number), until: clock.now + .seconds(60))) }
        let writing = Task { await deferred.run() }
        try await eventually("the sessions are written") { inner.recordCount == 50 }
        #expect(store.written == (1...50).map { $0 })
        writing.cancel()
    }

    @Test func neverWritesOverARevocation() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let deferred = DeferredSessions(store: store, time: clock.time) { _ in }
        let sessions = (1...2).map { session($0, until: clock.now + .seconds(60)) }
        sessions.forEach(deferred.append)
        try store.revoke(sessions[0].key, until: sessions[0].expiresAt, within: .zero)
        let writing = Task { await deferred.run() }
        try await eventually("the other is written") { store.session(sessions[1].key, within: .zero) != nil }
        #expect(store.session(sessions[0].key, within: .zero) == nil)
        writing.cancel()
    }
}

/// Away for its first so many calls; then it notes the order of writing.
private final class OrderedStore: SessionStore {
    private struct State {
        var refusals: Int
        var written: [UInt8] = []
    }

    private let inner: InMemorySessionStore
    private let state: Mutex<State>

    init(_ inner: InMemorySessionStore, refusals: Int) {
        self.inner = inner
        state = Mutex(State(refusals: refusals))
    }

    var written: [UInt8] { state.withLock(\.written) }

    func insertIfAbsent(_ session: StoredSession, within budget: Duration) throws(SessionStoreFailure) {
        try state.withLock { state throws(SessionStoreFailure) in
            if state.refusals > 0 {
                state.refusals -= 1
                throw SessionStoreFailure(.insert, .timedOut)
            }
            state.written.append(session.key.digest[0])
        }
        try inner.insertIfAbsent(session, within: budget)
    }

    func insertIfAbsent(_ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration)
        throws(SessionStoreFailure) -> ExchangeInsertion
    { try inner.insertIfAbsent(records, replacing: unreadable, within: budget) }

    func session(_ key: RecordKey, within budget: Duration) -> SealedRecord? {
        inner.session(key, within: budget)
    }

    func revoke(_ key: RecordKey, until end: UnixTime, within budget: Duration) throws(SessionStoreFailure) {
        try inner.revoke(key, until: end, within: budget)
    }

    func check(within budget: Duration) {}
}
