import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite struct DeferredSessionsTests {
    private func session(_ number: UInt8, until expiresAt: UnixTime, in partition: UInt8 = 0) -> StoredSession {
        StoredSession(
            key: RecordKey(digest: [UInt8](repeating: number, count: 32), in: Partition(digest: [partition, 0, 0])),
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

    @Test func endsOnceAllIsWrittenAndNoMoreWillCome() async throws {
        let clock = ManualClock()
        let inner = InMemorySessionStore(time: clock.time)
        let store = FaultySessionStore(inner)
        store.refuseNext(3)
        let deferred = DeferredSessions(store: store, time: clock.time) { _ in }
        for number in 1...50 { deferred.append(session(UInt8(number), until: clock.now + .seconds(60))) }
        deferred.finish()
        await deferred.run()
        #expect(inner.recordCount == 50 && deferred.count == 0)
    }

    /// Each partition is tried by itself, and the store is down for all of them.
    @Test func givesUpAtOnceWhenItIsCancelled() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: .timedOut)
        let attempts = Atomic(0)
        let isWriting = Atomic(false)
        let time = TimeSource(
            now: {
                guard isWriting.load(ordering: .relaxed) else { return clock.now }
                if attempts.wrappingAdd(1, ordering: .relaxed).newValue == 5 { withUnsafeCurrentTask { $0?.cancel() } }
                return clock.now
            }, elapsed: clock.time.elapsed)
        let deferred = DeferredSessions(store: store, time: time) { _ in try Task.checkCancellation() }
        for number in UInt8(0)..<90 {
            deferred.append(session(number, until: clock.now + .seconds(60), in: number))
        }
        isWriting.store(true, ordering: .relaxed)
        await Task { await deferred.run() }.value
        #expect(deferred.count == 90 && attempts.load(ordering: .relaxed) == 5)
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
        // 32 for the digest, 3 for the partition, 1 for the record.
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
        let store = FaultySessionStore(inner)
        store.refuseNext(3)
        let deferred = DeferredSessions(store: store, time: clock.time) { _ in }
        for number in 1...50 { deferred.append(session(UInt8(number), until: clock.now + .seconds(60))) }
        let writing = Task { await deferred.run() }
        try await eventually("the sessions are written") { inner.recordCount == 50 }
        #expect(store.written.map(\.key.digest[0]) == (1...50).map { $0 })
        writing.cancel()
    }

    /// More failing partitions than are tried without a pause, and after them one that works.
    @Test func doesNotWaitForAPartitionThatIsDown() async throws {
        let clock = ManualClock()
        let inner = InMemorySessionStore(time: clock.time)
        let store = FaultySessionStore(inner)
        let away = (0..<UInt8(210)).map { session($0, until: clock.now + .seconds(60), in: $0) }
        let well = session(210, until: clock.now + .seconds(60), in: 210)
        store.refuse(Set(away.map(\.key.partition)))
        let deferred = DeferredSessions(store: store, time: clock.time) { _ in await Task.yield() }
        for session in away + [session(211, until: clock.now + .seconds(60)), well] { deferred.append(session) }
        let writing = Task { await deferred.run() }
        try await eventually("the session that can be is written") { inner.recordCount == 1 }
        #expect(inner.session(well.key, within: .zero) == well.record)
        #expect(deferred.count == 211)
        store.refuse([])
        try await eventually("all are written") { deferred.count == 0 }
        #expect(store.written.map(\.key.digest[0]).filter { [0, 211].contains($0) } == [0, 211])
        writing.cancel()
    }

    @Test func countsTheSessionThatIsBeingWritten() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: .timedOut)
        let deferred = DeferredSessions(store: store, time: clock.time) { try await Task.sleep(for: $0) }
        deferred.append(session(1, until: clock.now + .seconds(60)))
        let writing = Task { await deferred.run() }
        try await eventually("it was tried") { store.roundTrips > 0 }
        #expect(deferred.count == 1)
        writing.cancel()
        await writing.value
        #expect(deferred.count == 1)
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
