import JOSE
import TestSupport
import Testing
import TokenExchange

/// A wall clock that is wrong for a moment, far ahead or before 1970: nothing dies, and all is well once it is right
/// again.
@Suite struct WrongClockTests {
    private static let errors: [Duration] = [.seconds(1e11), .seconds(-6e10), .seconds(40 * 86_400), .seconds(-2e9)]

    @Test(arguments: errors)
    func keepsSessionsWhileTheClockIsWrong(error: Duration) async throws {
        let bench = ExchangeBench()
        let token = bench.token
        let identity = try #require(try await bench.exchange(token).externalIdentity)
        bench.clock.setError(error)
        #expect(try await bench.exchange(bench.token.claim("iat", .number(literal: "1"))).externalIdentity == nil)
        _ = try await bench.introspect(identity)
        _ = try await bench.exchange(bench.token)
        bench.clock.setError(.zero)
        #expect(try await bench.introspect(identity).session != nil)
        #expect(try await bench.exchange(token).externalIdentity == identity, "the answer is there as well")
    }

    @Test(arguments: errors)
    func forgetsWhatWasStoredWhileTheClockWasWrong(error: Duration) throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        func session(_ number: UInt8) -> StoredSession {
            StoredSession(
                key: RecordKey(digest: [number], in: Partition(digest: [0, 0, 0])), record: SealedRecord(bytes: [1]),
                expiresAt: clock.now + .seconds(60))
        }
        let before = session(1)
        try store.insertIfAbsent(before, within: .zero)
        clock.setError(error)
        let meanwhile = session(2)
        try store.insertIfAbsent(meanwhile, within: .zero)
        let made = session(3)
        clock.setError(.zero)
        try store.insertIfAbsent(made, within: .zero)
        #expect(store.session(before.key, within: .zero) != nil && store.session(meanwhile.key, within: .zero) != nil)
        clock.advance(by: .seconds(61))
        #expect(store.session(before.key, within: .zero) == nil && store.session(meanwhile.key, within: .zero) == nil)
        clock.advance(by: .seconds(86_400))
        _ = store.session(made.key, within: .zero)
        #expect(store.recordCount == 0, "no record lives longer than any session may")
    }

    @Test(arguments: errors)
    func keepsRevocations(error: Duration) async throws {
        let bench = ExchangeBench()
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        try await bench.revocations.revoke(try #require(Cohort(.tenant, "acme-staging")))
        bench.clock.setError(error)
        try await bench.revocations.revoke(try #require(Cohort(.device, "another")))
        await bench.revocations.refresh()
        bench.clock.setError(.zero)
        await bench.revocations.refresh()
        #expect(try await bench.introspect(identity).session == nil)
    }

    @Test func writesAWaitingSessionEvenIfTheClockWasAhead() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], clock: clock, store: store)
        store.fail(with: .timedOut)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        store.fail(with: nil)
        clock.setError(.seconds(1e11))
        let writing = Task { await bench.deferredSessions.run() }
        await #expect(throws: SessionStoreFailure(.insert, .refused(code: "CLOCK"))) {
            try await bench.deferredSessions.write(try bench.sessionKey(of: identity), within: .seconds(1))
        }
        #expect(bench.deferredSessions.count == 1)
        clock.setError(.zero)
        try await eventually("it is written") { bench.deferredSessions.count == 0 }
        writing.cancel()
        guard case .active = try await bench.introspect(identity) else {
            Issue.record("the session was not written")
            return
        }
    }

    @Test func keepsNoSigningKeyForEver() throws {
        let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(3600)])
        let start = ManualClock.start
        var manifest = SigningKeyManifest(adopting: [("A", .es256, start)], at: start, times: times)
        _ = try manifest.publish("B", .es256, at: start, times: times)
        var observations = SigningKeyObservations()
        observations.recordSigners(
            of: manifest.plan(at: start), at: start + .seconds(1e9), times: times, until: .seconds(2))
        _ = try manifest.activate("B", at: start + .seconds(800), times: times)
        let later = start + .seconds(3 * 86_400)
        observations.recordSigners(
            of: manifest.plan(at: later), at: start + .seconds(801), times: times, until: .seconds(2))
        #expect(manifest.plan(at: later, observations: observations).published == ["B"])
    }
}
