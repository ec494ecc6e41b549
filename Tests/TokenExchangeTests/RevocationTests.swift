import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// Revocations of many sessions at once.
@Suite struct RevocationTests {
    @Test func memoryKeepsThePromisesOfTheStore() async throws {
        let clock = ManualClock()
        try await RevocationStoreConformance.check(InMemorySessionStore(time: clock.time), now: clock.now)
    }

    @Test(arguments: [TokenRecipe.Kind?.none, .opaque])
    func endsWhatBelongsToACohortAndNothingElse(kind: TokenRecipe.Kind?) async throws {
        for cohort in Self.cohorts {
            let bench = ExchangeBench(providers: [.vipLoyalty(kind: kind), .vipLoyalty(name: "notes", kind: kind)])
            let mine = try await bench.logIn("me", device: "till-1")
            let other = try await bench.logIn("other", device: "till-2", provider: 1)
            try await bench.revocations.revoke(cohort)
            // An opaque token has no key.
            let isHit = cohort.kind != .keyID || kind == nil
            #expect(try await bench.introspect(mine).session == nil || !isHit, "\(cohort.kind)")
            let isOtherHit = [.all, .tenant].contains(cohort.kind) || cohort.kind == .keyID && kind == nil
            #expect(try await (bench.introspect(other).session == nil) == isOtherHit, "\(cohort.kind)")
        }
    }

    @Test func endsLoginsInProgressAndNoneThatComeAfter() async throws {
        let bench = ExchangeBench()
        let before = try await bench.logIn("me")
        bench.clock.advance(by: .seconds(10))
        let underWay = try await bench.logIn("me", device: "till-2")
        try await bench.revocations.revoke(.me)
        bench.clock.advance(by: .milliseconds(1))
        let after = try await bench.logIn("me", device: "till-3")
        #expect(try await bench.introspect(before) == .inactive)
        #expect(try await bench.introspect(underWay) == .inactive)
        #expect(try await bench.introspect(after) != .inactive)
    }

    @Test func endsWhatWasIssuedUntilAMoment() async throws {
        let bench = ExchangeBench()
        let before = try await bench.logIn("me")
        let moment = bench.clock.now
        bench.clock.advance(by: .seconds(1))
        let after = try await bench.logIn("me", device: "till-2")
        try await bench.revocations.revoke(.me, issuedBefore: moment)
        #expect(try await bench.introspect(before) == .inactive)
        #expect(try await bench.introspect(after) != .inactive)
    }

    /// Otherwise every new login until that moment would be revoked.
    @Test func treatsAFutureMomentAsNow() async throws {
        let bench = ExchangeBench()
        try await bench.revocations.revoke(.me, issuedBefore: bench.clock.now + .seconds(60))
        bench.clock.advance(by: .milliseconds(1))
        #expect(try await bench.introspect(bench.logIn("me")) != .inactive)
    }

    @Test func mintsAgainForTheIdentityTokenOfARevokedSession() async throws {
        let bench = ExchangeBench()
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = try #require(await bench.exchange(token).externalIdentity)
        try await bench.revocations.revoke(try #require(Cohort(.all)))
        bench.clock.advance(by: .milliseconds(1))
        let second = try #require(await bench.exchange(token).externalIdentity)
        #expect(second != first)
        #expect(try await bench.introspect(second) != .inactive)
    }

    @Test func countsOnOtherReplicasOnceTheyHaveReadIt() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let one = ExchangeBench(clock: clock, store: store, revocationStore: store)
        let other = ExchangeBench(clock: clock, store: store, revocationStore: store)
        try await one.revocations.read()
        try await other.revocations.read()
        let identity = try await one.logIn("me")
        try await one.revocations.revoke(.me)
        #expect(try await one.introspect(identity) == .inactive)
        #expect(try await other.introspect(identity) != .inactive)
        try await other.revocations.read()
        #expect(try await other.introspect(identity) == .inactive)
    }

    /// Revocations are promised to count within five seconds. After that, a replica that cannot read the list says so.
    @Test func neverCallsASessionGoodByAnOldList() async throws {
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

    /// As after a stall of the store: no caller waits for the next regular reading.
    @Test func readsAnOldListAgainBeforeItGivesUp() async throws {
        let clock = ManualClock()
        let bench = ExchangeBench(clock: clock, revocationStore: LossyRevocationStore(clock))
        let token = try bench.token.signed(by: TestKeys.rs256)
        let identity = try #require(await bench.exchange(token).externalIdentity)
        clock.advance(by: .seconds(60))
        #expect(try await bench.introspect(identity) != .inactive)
        clock.advance(by: .seconds(60))
        #expect(await bench.exchange(token).externalIdentity == identity)
    }

    /// An earlier token may have been revoked since; one that is made now is good.
    @Test func handsOutNoEarlierTokenByAnOldList() async throws {
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

    @Test func doesNotAnswerAgainWithATokenOfAServiceThatMayBeRevoked() async throws {
        let clock = ManualClock()
        let list = LossyRevocationStore(clock)
        let bench = ExchangeBench(
            providers: [.vipLoyalty(kind: .upstream)], clock: clock, revocationStore: list,
            upstream: ScriptedUpstream())
        list.refuseReading(with: .timedOut)
        // A new one needs no list.
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

    @Test func reportsOnceEachCauseOfAFailedReadingAndOnceItsEnd() async throws {
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

    @Test func knowsTheAgeOfAListThatWasNeverRead() async throws {
        let clock = ManualClock()
        let store = LossyRevocationStore(clock)
        store.refuseReading(with: .timedOut)
        let list = ExchangeBench(clock: clock, revocationStore: store).revocations
        clock.advance(by: .seconds(7))
        await list.refresh()
        #expect(list.age == .seconds(7) && !list.isFresh)
    }

    /// So a revocation counts on this replica at once, and on the others once they have read it.
    @Test func revokesEvenIfTheListCannotBeRead() async throws {
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

    @Test func knowsCompromisedKeys() async throws {
        let bench = ExchangeBench()
        let keyID = try #require(TestKeys.ring.signer(for: .es256)?.keyID)
        #expect(!bench.revocations.isRevoked(keyID: keyID))
        try await bench.revocations.revoke(try #require(Cohort(.keyID, keyID)))
        #expect(bench.revocations.isRevoked(keyID: keyID))
        #expect(!bench.revocations.isRevoked(keyID: "another"))
        // However late the key is used.
        bench.clock.advance(by: .seconds(9 * 365 * 86400))
        // Each new revocation removes those that have expired.
        try await bench.revocations.revoke(.me, issuedBefore: UnixTime(seconds: 0))
        #expect(bench.revocations.isRevoked(keyID: keyID))
        #expect(try await bench.introspect(bench.logIn("me")) == .inactive)
    }

    @Test func endsWhatAKeySignedUntilAMomentWithoutCallingItCompromised() async throws {
        let bench = ExchangeBench()
        let keyID = try #require(TestKeys.ring.signer(for: .es256)?.keyID)
        let before = try await bench.logIn("me")
        let moment = bench.clock.now
        bench.clock.advance(by: .seconds(1))
        let after = try await bench.logIn("me", device: "till-2")
        try await bench.revocations.revoke(try #require(Cohort(.keyID, keyID)), issuedBefore: moment)
        #expect(try await bench.introspect(before) == .inactive)
        #expect(try await bench.introspect(after) != .inactive)
        #expect(!bench.revocations.isRevoked(keyID: keyID))
        try await bench.revocations.revoke(try #require(Cohort(.keyID, keyID)))
        // A compromised key stays compromised.
        try await bench.revocations.revoke(try #require(Cohort(.keyID, keyID)), issuedBefore: moment)
        #expect(bench.revocations.isRevoked(keyID: keyID))
        #expect(try await bench.introspect(after) == .inactive)
    }

    /// A token's time of issue is in whole seconds: on which side of a watermark within its second it is, is unknown.
    @Test func callsATokenRevokedByItsSignatureOnlyIfItsWholeSecondIs() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], clock: clock, store: store)
        let before = try await bench.logIn("me")
        clock.advance(by: .seconds(1))
        try await bench.revocations.revoke(.me)
        clock.advance(by: .milliseconds(300))
        let after = try await bench.logIn("me", device: "till-2")
        store.fail(with: .timedOut)
        #expect(try await bench.introspect(before) == .inactive)
        guard case .unconfirmed = try await bench.introspect(after) else {
            Issue.record("not unconfirmed")
            return
        }
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
        // Another replica starts, and the store takes writes again.
        let other = ExchangeBench(clock: clock, revocationStore: store)
        try await other.revocations.read()
        #expect(other.revocations.count == 0)
        store.refuse(false)
        await one.revocations.refresh()
        try await other.revocations.read()
        #expect(other.revocations.count == 2 && other.revocations.isRevoked(keyID: "compromised"))
        // Each one until it expires.
        await one.revocations.refresh()
        clock.advance(by: .seconds(86401))
        store.loseAll()
        await one.revocations.refresh()
        #expect(one.revocations.count == 1)
    }

    @Test func givesBackOnlyALimitedNumberAtOnce() async throws {
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

    @Test(arguments: Cohort.Kind.allCases)
    func namesACohortWithoutItsValue(kind: Cohort.Kind) throws {
        let bench = ExchangeBench()
        let cohort = try #require(Cohort(kind, kind == .all ? "" : "marker"))
        let label = bench.vault.label(of: cohort)
        #expect(!label.text.contains("marker"))
        #expect(CohortLabel(label.text) == label)
        #expect(Cohort(kind, kind == .all ? "marker" : "") == nil)
    }

    @Test func memoryHasRoomForEmergenciesEvenIfItIsFull() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        try await RevocationStoreConformance.checkRoom(store, now: clock.now) { revocations, store in
            for revocation in revocations { try store.add(revocation, within: .zero) }
        }
    }

    private static var cohorts: [Cohort] {
        [
            Cohort(.subject, "me"), Cohort(.device, "till-1"), Cohort(.tenant, "acme-staging"),
            Cohort(.identityProvider, "vip-loyalty"), Cohort(.keyID, TestKeys.ring.signer(for: .es256)?.keyID ?? ""),
            Cohort(.all),
        ].compactMap { $0 }
    }
}

/// A store that forgets and refuses on demand.
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

    /// - Parameter cause: nil to let it be read again.
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
    fileprivate static var me: Cohort { Cohort(.subject, "me")! }
}

extension ExchangeBench {
    fileprivate func logIn(_ subject: String, device: String = "", provider: Int = 0) async throws -> ExternalIdentity {
        let token = try token.claim("sub", .string(subject)).signed(by: TestKeys.rs256)
        return try #require(await exchange(token, device: ExactText(device), provider: provider).externalIdentity)
    }
}
