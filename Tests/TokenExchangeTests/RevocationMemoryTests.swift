import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What a process remembers of revocations when the store's list is another, or comes late.
@Suite struct RevocationMemoryTests {
    private let clock = ManualClock()
    private let store = GivenRevocations()
    private var bench: ExchangeBench { ExchangeBench(clock: clock, revocationStore: store) }

    @Test func writesALaterWatermarkAgainThatTheStoreHasLost() async throws {
        let bench = bench
        let jane = try #require(Cohort(.subject, "jane"))
        clock.advance(by: .seconds(100))
        try await bench.revocations.revoke(jane)
        let revoked = try #require(store.added.first)
        store.list([Revocation(cohort: revoked.cohort, issuedBefore: ManualClock.start, endsAt: revoked.endsAt)])
        await bench.revocations.refresh()
        #expect(store.added == [revoked, revoked])
    }

    @Test func isAsFreshAsTheReadingThatBeganLast() async throws {
        let list = bench.revocations
        // While the first reading is under way, a second one begins and ends.
        store.whileReading { [clock] in
            clock.advance(by: .seconds(3))
            try? await list.read()
        }
        try await list.read()
        #expect(list.age == .zero)
    }

    @Test func keepsARevocationForAsLongAsAnySessionMayLive() async throws {
        try await bench.revocations.revoke(try #require(Cohort(.all)))
        #expect(store.added.map(\.endsAt) == [ManualClock.start + SigningKeyTimes.greatestLifetime])
    }

    @Test func answersNoTokenOfACompromisedKeyAgain() async throws {
        let bench = ExchangeBench(clock: clock)
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = try #require(await bench.exchange(token).externalIdentity)
        try await bench.revocations.revoke(try #require(Cohort(.keyID, TestKeys.es256.keyID)))
        #expect(await bench.exchange(token).externalIdentity != first)
    }
}

/// A list that a test writes, and what others asked to add to it.
private final class GivenRevocations: RevocationStore {
    private let listed = Mutex(StoredRevocations(version: "0", revocations: []))
    private let addedSoFar = Mutex<[Revocation]>([])
    private let action = Mutex<(@Sendable () async -> Void)?>(nil)

    var added: [Revocation] { addedSoFar.withLock(\.self) }

    func list(_ revocations: [Revocation]) {
        listed.withLock { $0 = StoredRevocations(version: "1", revocations: revocations) }
    }

    /// Runs `action` before the next reading is answered.
    func whileReading(_ action: @escaping @Sendable () async -> Void) { self.action.withLock { $0 = action } }

    func add(_ revocation: Revocation, within budget: Duration) { addedSoFar.withLock { $0.append(revocation) } }

    func revocations(unless version: ExactText?, within budget: Duration) async -> StoredRevocations? {
        let listed = listed.withLock(\.self)
        await action.withLock { $0.take() }?()
        return listed
    }

    func checkRevocations(within budget: Duration) {}
}
