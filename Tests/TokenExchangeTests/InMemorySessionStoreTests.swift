import TestSupport
import Testing
import TokenExchange

@Suite struct InMemorySessionStoreTests {
    private func session(_ number: Int, until expiresAt: UnixTime) -> StoredSession {
        let digest = (0..<32).map { UInt8(truncatingIfNeeded: number >> ($0 % 4 * 8)) }
        return StoredSession(
            key: RecordKey(digest: digest, in: Partition(digest: [0, 0, 0])), record: SealedRecord(bytes: [1]),
            expiresAt: expiresAt)
    }

    @Test(arguments: SessionStoreConformance.checks)
    func keepsThePromisesOfTheStore(check: SessionStoreConformance.Check) async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        try await check.run(
            SessionStoreHarness(store: store, now: { clock.now }) { _ in
                clock.advance(by: SessionStoreConformance.shortLife)
            })
    }

    @Test func refusesBeyondItsLimitAndForgetsNothing() throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(limit: 3, time: clock.time)
        for number in 1...3 {
            try store.insertIfAbsent(session(number, until: clock.now + .seconds(10)), within: .zero)
        }
        #expect(throws: SessionStoreFailure(.insert, .refused(code: "FULL"))) {
            try store.insertIfAbsent(session(4, until: clock.now + .seconds(10)), within: .zero)
        }
        #expect(store.recordCount == 3)
        clock.advance(by: .seconds(11))
        try store.insertIfAbsent(session(4, until: clock.now + .seconds(10)), within: .zero)
        #expect(store.recordCount == 1)
    }

    @Test(arguments: [1, 7, 86_400, 1_000_000_000])
    func forgetsHoweverFarTheClockJumps(seconds: Int) throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        for number in 0..<100 {
            try store.insertIfAbsent(session(number, until: clock.now + .milliseconds(number * 10)), within: .zero)
        }
        clock.advance(by: .seconds(seconds + 1))
        _ = store.session(session(0, until: clock.now).key, within: .zero)
        #expect(store.recordCount == 0)
    }
}
