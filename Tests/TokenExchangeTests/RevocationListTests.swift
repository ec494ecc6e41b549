import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What a process knows of revocations while the store fails, and what it gives back to a store that has lost them.
@Suite struct RevocationListTests {
    /// Five seconds are promised: a process that has not read the list by then cannot know, and says why.
    @Test func neverCallsASessionGoodByAListThatIsOld() async throws {
        let clock = ManualClock()
        let list = LossyRevocationStore(clock)
        let bench = ExchangeBench(clock: clock, revocationStore: list)
        let identity = try await bench.logIn("me")
        list.refuseReading(with: .refused(code: "NOPERM"))
        let unread = Failure(.sessionStoreUnavailable, operation: "revocations", cause: "refused with NOPERM")
        await #expect(throws: unread) { try await bench.introspect(identity) }
        list.refuseReading(with: nil)
        try await bench.revocations.read()
        list.refuseReading(with: .refused(code: "NOPERM"))
        clock.advance(by: .seconds(5))
        #expect(try await bench.introspect(identity) != .inactive)
        clock.advance(by: .milliseconds(1))
        await #expect(throws: unread) { try await bench.introspect(identity) }
    }

    /// As after a stall of the store: nobody has to wait for the next reading.
    @Test func readsAListThatIsOldBeforeItGivesUp() async throws {
        let clock = ManualClock()
        let bench = ExchangeBench(clock: clock, revocationStore: LossyRevocationStore(clock))
        let token = try bench.token.signed(by: TestKeys.rs256)
        let identity = try #require(await bench.exchange(token).externalIdentity)
        clock.advance(by: .seconds(60))
        #expect(try await bench.introspect(identity) != .inactive)
        clock.advance(by: .seconds(60))
        #expect(await bench.exchange(token).externalIdentity == identity)
    }

    /// What was handed out before may have been revoked since; what is made now is good.
    @Test func handsOutNoEarlierTokenByAListThatIsOld() async throws {
        let clock = ManualClock()
        let list = LossyRevocationStore(clock)
        let bench = ExchangeBench(clock: clock, revocationStore: list)
        try await bench.revocations.read()
        list.refuseReading(with: .timedOut)
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = try #require(await bench.exchange(token).externalIdentity)
        #expect(await bench.exchange(token).externalIdentity == first)
        clock.advance(by: .milliseconds(5001))
        let second = try #require(await bench.exchange(token).externalIdentity)
        #expect(second != first)
        list.refuseReading(with: nil)
        #expect(try await bench.introspect(second) != .inactive)
    }

    @Test func keepsToTheStoreWhereATokenOfAServiceMayHaveBeenRevoked() async throws {
        let clock = ManualClock()
        let list = LossyRevocationStore(clock)
        let bench = ExchangeBench(
            providers: [.vipLoyalty(kind: .upstream)], clock: clock, revocationStore: list,
            upstream: ScriptedUpstream())
        list.refuseReading(with: .timedOut)
        // One that is new needs no list.
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = try #require(await bench.exchange(token).externalIdentity)
        guard case .failed(let failure) = await bench.exchange(token) else {
            Issue.record("answered by a list that was never read")
            return
        }
        #expect(failure.kind == .sessionStoreUnavailable)
        list.refuseReading(with: nil)
        #expect(await bench.exchange(token).externalIdentity == first)
    }

    @Test func tellsEachCauseOnceThatTheListCannotBeReadAndOnceThatItIsReadAgain() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        let events = Mutex<[RevocationEvent]>([])
        let vault = ExchangeBench(clock: clock).vault
        let list = RevocationList(store: store, vault: vault, time: clock.time) { event in
            events.withLock { $0.append(event) }
        }
        await list.refresh()
        #expect(list.isFresh && list.failure == nil && list.age == .zero)
        for code in ["NOPERM", "NOPERM", "LOADING", "NOPERM"] {
            store.refuseReading(with: .refused(code: code))
            clock.advance(by: .seconds(2))
            await list.refresh()
        }
        #expect(!list.isFresh && list.failure == .refused(code: "NOPERM") && list.age == .seconds(8))
        store.refuseReading(with: nil)
        await list.refresh()
        await list.refresh()
        #expect(list.isFresh && list.failure == nil)
        #expect(
            events.withLock { $0 } == [
                .notRead(.refused(code: "NOPERM")), .notRead(.refused(code: "LOADING")), .readAgain,
            ])
    }

    @Test func tellsOnceWhatOthersHaveRevokedSinceItWasFirstRead() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        let events = Mutex<[RevocationEvent]>([])
        let vault = ExchangeBench(clock: clock).vault
        let other = RevocationList(store: store, vault: vault, time: clock.time)
        let list = RevocationList(store: store, vault: vault, time: clock.time) { event in
            events.withLock { $0.append(event) }
        }
        func told() -> [[Cohort.Kind]] {
            events.withLock { events in
                defer { events = [] }
                return events.map { if case .revoked(let some) = $0 { some.map(\.cohort.kind) } else { [] } }
            }
        }
        let (tenant, subject) = (try #require(Cohort(.tenant, "a")), try #require(Cohort(.subject, "jane")))
        try await other.revoke(tenant)
        await list.refresh()
        #expect(told().isEmpty, "it was told when it happened")
        // No whole millisecond.
        clock.advance(by: .microseconds(1_000_400))
        try await other.revoke(tenant)
        try await other.revoke(subject)
        await list.refresh()
        #expect(told().map(Set.init) == [[.tenant, .subject]])
        await list.refresh()
        try await list.revoke(try #require(Cohort(.device, "till-1")))
        await list.refresh()
        #expect(told().isEmpty, "neither twice, nor what it did itself")
        clock.advance(by: .seconds(1))
        try await other.revoke(try #require(Cohort(.all)))
        await list.refresh()
        #expect(told() == [[.all]])
    }

    @Test func tellsTheAgeOfAListThatWasNeverRead() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        store.refuseReading(with: .timedOut)
        let list = ExchangeBench(clock: clock, revocationStore: store).revocations
        clock.advance(by: .seconds(7))
        await list.refresh()
        #expect(list.age == .seconds(7) && !list.isFresh)
    }

    /// So an emergency ends for this replica at once, and for the others when they have read.
    @Test func revokesThoughTheListCannotBeRead() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        let bench = ExchangeBench(clock: clock, revocationStore: store)
        try await bench.revocations.read()
        let identity = try await bench.logIn("me")
        store.refuseReading(with: .refused(code: "NOPERM"))
        try await bench.revocations.revoke(.me)
        #expect(try await bench.introspect(identity) == .inactive)
        #expect(store.count == 1)
    }

    @Test func keepsWhatTheStoreHasLostAndGivesItBack() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        let one = ExchangeBench(clock: clock, revocationStore: store)
        try await one.revocations.revoke(.me)
        try await one.revocations.revoke(try #require(Cohort(.keyID, "compromised")))
        store.loseAll()
        store.refuse(true)
        await one.revocations.refresh()
        #expect(one.revocations.count == 2 && one.revocations.isRevoked(keyID: "compromised"))
        // Another one starts, and the store takes writes again.
        let other = ExchangeBench(clock: clock, revocationStore: store)
        try await other.revocations.read()
        #expect(other.revocations.count == 0)
        store.refuse(false)
        await one.revocations.refresh()
        try await other.revocations.read()
        #expect(other.revocations.count == 2 && other.revocations.isRevoked(keyID: "compromised"))
        // Each until it expires.
        await one.revocations.refresh()
        clock.advance(by: .seconds(86401))
        store.loseAll()
        await one.revocations.refresh()
        #expect(one.revocations.count == 1)
    }

    @Test func givesBackAtMostThirtyTwoEntriesAtOnce() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        let list = ExchangeBench(clock: clock, revocationStore: store).revocations
        for number in 0..<40 { try await list.revoke(try #require(Cohort(.device, ExactText("till-\(number)")))) }
        store.loseAll()
        await list.refresh()
        #expect(store.count == 32 && list.count == 40)
        await list.refresh()
        #expect(store.count == 40)
    }
}

/// Forgets and refuses on demand.
private final class LossyRevocationStore: RevocationStore {
    private let inner: Mutex<InMemorySessionStore>
    private let isRefusing = Mutex(false)
    private let unreadable = Mutex<SessionStoreFailure.Cause?>(nil)
    private let clock: ManualClock

    init(_ clock: ManualClock) {
        self.clock = clock
        inner = Mutex(InMemorySessionStore(time: clock.time))
    }

    func loseAll() { inner.withLock { $0 = InMemorySessionStore(time: clock.time) } }

    func refuse(_ isRefusing: Bool) { self.isRefusing.withLock { $0 = isRefusing } }

    /// Nil: it is read again.
    func refuseReading(with cause: SessionStoreFailure.Cause?) { unreadable.withLock { $0 = cause } }

    var count: Int { store.revocations(unless: nil, within: .zero)?.revocations.count ?? 0 }

    private var store: InMemorySessionStore { inner.withLock { $0 } }

    func add(_ revocation: Revocation, within budget: Duration) throws(SessionStoreFailure) {
        if isRefusing.withLock({ $0 }) { throw SessionStoreFailure(.revocations, .timedOut) }
        try store.add(revocation, within: budget)
    }

    func revocations(
        unless version: ExactText?, within budget: Duration
    ) throws(SessionStoreFailure) -> StoredRevocations? {
        if let cause = unreadable.withLock({ $0 }) { throw SessionStoreFailure(.revocations, cause) }
        return store.revocations(unless: version, within: budget)
    }

    func checkRevocations(within budget: Duration) {}
}

extension Cohort {
    static var me: Cohort { Cohort(.subject, "me")! }
}

extension ExchangeBench {
    func logIn(_ subject: String, device: String = "", provider: Int = 0) async throws -> ExternalIdentity {
        let token = try token.claim("sub", .string(subject)).signed(by: TestKeys.rs256)
        return try #require(await exchange(token, device: ExactText(device), provider: provider).externalIdentity)
    }
}
