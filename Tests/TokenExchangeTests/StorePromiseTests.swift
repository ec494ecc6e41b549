import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What each operation promises while the store is down: the table in `docs/operations.md`, row by row.
@Suite struct StorePromiseTests {
    static let causes: [SessionStoreFailure.Cause] = [
        .timedOut, .notConnected(detail: "connection refused"), .refused(code: "OOM"), .unexpectedReply, .overloaded,
        .notReplicated(replicas: 0, wanted: 1),
    ]

    @Test(arguments: causes) func exchange(cause: SessionStoreFailure.Cause) async throws {
        for kind in [TokenRecipe.Kind?.none, .opaque] {
            let strict = bench(.strict, kind, cause)
            guard case .failed(let failure) = try await strict.exchange(strict.token) else {
                Issue.record("strict: a token left")
                return
            }
            #expect(failure.kind == .sessionStoreUnavailable)
            #expect(strict.deferredSessions.count == 0)

            let optional = bench(.optional, kind, cause)
            guard case .degraded(let issued, let failure) = try await optional.exchange(optional.token) else {
                Issue.record("optional: the login suffered")
                return
            }
            #expect(failure.kind == .sessionStoreUnavailable)
            #expect((issued != nil) == (kind == nil))
            #expect(optional.deferredSessions.count == (kind == nil ? 1 : 0))
        }
    }

    @Test(arguments: FailureMode.allCases) func exchangeWaits(mode: FailureMode) async throws {
        let clock = ManualClock()
        for kind in [TokenRecipe.Kind?.none, .opaque, .upstream] {
            let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
            let bench = ExchangeBench(
                providers: [.vipLoyalty(mode: mode, kind: kind, deadline: .seconds(10))], clock: clock, store: store,
                upstream: ScriptedUpstream())
            #expect(try await bench.exchange(bench.token).externalIdentity != nil)
            // A strict login must be answered just before its deadline.
            let budget = mode == .strict ? Duration.milliseconds(9950) : store.patience
            #expect(!store.budgets.isEmpty && store.budgets.allSatisfy { $0 == budget }, "\(store.budgets)")
        }
    }

    /// That is for all operations on the store together.
    @Test func introspectionAndRevocationWaitForTwoSeconds() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], clock: clock, store: store)
        store.fail(with: .timedOut)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        store.fail(with: nil)
        let asked = store.budgets.count
        store.whenAsked { clock.advance(by: .milliseconds(700)) }
        // Its session is waiting to be written, so that comes first.
        guard case .active = try await bench.introspect(identity) else {
            Issue.record("not active")
            return
        }
        #expect(store.budgets.dropFirst(asked) == [.seconds(2), .milliseconds(1300)])
        try await bench.revoke(identity, by: .admin)
        #expect(store.budgets.last == .seconds(2))
    }

    @Test(arguments: causes) func replay(cause: SessionStoreFailure.Cause) async throws {
        for mode in FailureMode.allCases {
            let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
            let bench = ExchangeBench(providers: [.vipLoyalty(mode: mode)], store: store)
            let token = try bench.token.signed(by: TestKeys.rs256)
            let first = try #require(await bench.exchange(token).externalIdentity)
            store.fail(with: cause)
            let second = await bench.exchange(token).externalIdentity
            #expect(mode == .strict ? second == nil : second != nil && second != first)
        }
    }

    @Test(arguments: causes) func introspection(cause: SessionStoreFailure.Cause) async throws {
        for mode in FailureMode.allCases {
            for kind in [TokenRecipe.Kind?.none, .opaque] {
                let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
                let bench = ExchangeBench(providers: [.vipLoyalty(mode: mode, kind: kind)], store: store)
                let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
                store.fail(with: cause)
                if mode == .optional, kind == nil {
                    guard case .unconfirmed = try await bench.introspect(identity) else {
                        Issue.record("not unconfirmed")
                        return
                    }
                } else {
                    await #expect(throws: Failure.self) { try await bench.introspect(identity) }
                }
            }
        }
    }

    @Test(arguments: causes) func revocation(cause: SessionStoreFailure.Cause) async throws {
        for mode in FailureMode.allCases {
            for kind in [TokenRecipe.Kind?.none, .opaque] {
                let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
                let bench = ExchangeBench(providers: [.vipLoyalty(mode: mode, kind: kind)], store: store)
                let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
                store.fail(with: cause)
                await #expect(throws: Failure.self) { try await bench.revoke(identity, by: .admin) }
                store.fail(with: nil)
                #expect(try await bench.introspect(identity) != .inactive)
                try await bench.revoke(identity, by: .admin)
                #expect(try await bench.introspect(identity) == .inactive)
            }
        }
    }

    private func bench(
        _ mode: FailureMode, _ kind: TokenRecipe.Kind?, _ cause: SessionStoreFailure.Cause
    ) -> ExchangeBench {
        let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
        store.fail(with: cause)
        return ExchangeBench(providers: [.vipLoyalty(mode: mode, kind: kind)], store: store)
    }
}

/// Records that were damaged, or written by another version.
@Suite struct UnreadableRecordTests {
    private static let damages: [(UnreadableRecord, @Sendable ([UInt8]) -> [UInt8])] = [
        (.olderVersion, { [1] + $0.dropFirst() }), (.newerVersion, { [3] + $0.dropFirst() }),
        (.corrupt, { $0.dropLast() }), (.corrupt, { $0.dropLast() + [$0.last! ^ 1] }), (.corrupt, { _ in [2] }),
    ]

    @Test(arguments: 0..<damages.count) func countAsAbsentAndAreReportedOnce(damage: Int) async throws {
        let (kind, change) = Self.damages[damage]
        let told = Mutex<[UnreadableRecord]>([])
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(
            clock: clock, store: store, tellUnreadable: { kind in told.withLock { $0.append(kind) } })
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = try #require(await bench.exchange(token).externalIdentity)
        store.tamper(change)
        for _ in 0..<3 { #expect(try await bench.introspect(first) == .inactive) }
        // The answer cannot be opened either, so there is a new one.
        let second = try #require(await bench.exchange(token).externalIdentity)
        #expect(second != first)
        store.tamper { $0 }
        #expect(try await bench.introspect(second) != .inactive)
        #expect(told.withLock { $0 } == [kind])
        #expect(bench.unreadableRecords.count(of: kind) > 3)
    }
}
