import TestSupport
import Testing
import TokenExchange

@Suite struct DeferredSessionsTests {
    private func session(_ number: UInt8, until expiresAt: UnixTime) -> StoredSession {
        StoredSession(
            key: RecordKey(digest: [UInt8](repeating: number, count: 32)), record: SealedRecord(bytes: [number]),
            expiresAt: expiresAt)
    }

    @Test func dropsTheOldestBeyondItsLimitAndCountsIt() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let sessions = (1...4).map { session($0, until: clock.now + .seconds(60)) }
        let deferred = DeferredSessions(limit: 3, store: store, time: clock.time) { _ in }
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
}
