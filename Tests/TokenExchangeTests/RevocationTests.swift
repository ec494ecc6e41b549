import JOSE
import TestSupport
import Testing
import TokenExchange

/// Sessions that end together.
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

    @Test func endsWhatWasUnderWayAndNotWhatComesAfter() async throws {
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

    @Test func endsWhatWasIssuedBeforeAMoment() async throws {
        let bench = ExchangeBench()
        let before = try await bench.logIn("me")
        let moment = bench.clock.now
        bench.clock.advance(by: .seconds(1))
        let after = try await bench.logIn("me", device: "till-2")
        try await bench.revocations.revoke(.me, issuedBefore: moment)
        #expect(try await bench.introspect(before) == .inactive)
        #expect(try await bench.introspect(after) != .inactive)
    }

    /// A moment to come would have every login dead until then.
    @Test func takesAMomentToComeForNow() async throws {
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

    @Test func knowsCompromisedKeys() async throws {
        let bench = ExchangeBench()
        let keyID = try #require(TestKeys.ring.signer(for: .es256)?.keyID)
        #expect(!bench.revocations.isRevoked(keyID: keyID))
        try await bench.revocations.revoke(try #require(Cohort(.keyID, keyID)))
        #expect(bench.revocations.isRevoked(keyID: keyID))
        #expect(!bench.revocations.isRevoked(keyID: "another"))
        // However late it is used.
        bench.clock.advance(by: .seconds(9 * 365 * 86400))
        // What has expired is forgotten at each revocation.
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
        // A compromised key stays so.
        try await bench.revocations.revoke(try #require(Cohort(.keyID, keyID)), issuedBefore: moment)
        #expect(bench.revocations.isRevoked(keyID: keyID))
        #expect(try await bench.introspect(after) == .inactive)
    }

    /// A token says the second of its issue: nobody can tell on which side of a watermark in that second it is.
    @Test func callsATokenRevokedByItsSignatureOnlyWhereItsWholeSecondIs() async throws {
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

    @Test(arguments: Cohort.Kind.allCases)
    func namesACohortWithoutItsValue(kind: Cohort.Kind) throws {
        let bench = ExchangeBench()
        let cohort = try #require(Cohort(kind, kind == .all ? "" : "marker"))
        let label = bench.vault.label(of: cohort)
        #expect(!label.text.contains("marker"))
        #expect(CohortLabel(label.text) == label)
        #expect(Cohort(kind, kind == .all ? "marker" : "") == nil)
    }

    @Test func memoryHasRoomForEmergenciesThoughItIsFull() async throws {
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
