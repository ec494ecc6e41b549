import JOSE
import TestSupport
import Testing
import TokenExchange

@Suite struct ExchangeTokenTests {
    private func claims(of identity: ExternalIdentity) throws -> JSONValue {
        let segments = identity.bytes.split(separator: UInt8(ascii: "."))
        return try JSONValue(parsing: try #require(Base64URL.decode(segments[1])))
    }

    @Test func mintsAJWTWithTheClaimsOfTheContract() async throws {
        let bench = ExchangeBench(providers: [
            .vipLoyalty(claims: [
                .email,
                ClaimMapping(
                    name: "associate_id",
                    source: .firstOf([ClaimPath("absent"), ClaimPath("http://newstore/newstore_id")])),
                ClaimMapping(name: "roles", source: .firstOf([ClaimPath("realm_access", ["roles"])])),
                ClaimMapping(name: "brand", source: .value(.string("acme"))),
                ClaimMapping(name: "nothing", source: .firstOf([ClaimPath("absent")])),
            ])
        ])
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        let claims = try claims(of: identity)
        #expect(claims["iss"] == .string(ExchangeBench.publicURL))
        #expect(claims["sub"]?.string == "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55")
        #expect(claims["aud"]?.string == "vip-loyalty")
        #expect(claims["iat"]?.number == ManualClock.start.seconds)
        #expect(claims["exp"]?.number == ManualClock.start.seconds + 3 * 3600)
        #expect(claims["jti"]?.string?.count == 22)
        #expect(claims["identity_provider"]?.string == "vip-loyalty")
        #expect(claims["tenant"]?.string == "acme-staging")
        #expect(claims["email"]?.string == "jane.operator@example.com")
        #expect(claims["associate_id"]?.string == "a1b2c3d4e5f60718293a4b5c6d7e8f90")
        #expect(
            claims["roles"]
                == .array(["default-roles-acme-staging", "offline_access", "store_associate"].map(JSONValue.string)))
        #expect(claims["brand"]?.string == "acme")
        #expect(claims["nothing"] == nil)
        let token = try UnverifiedToken(identity.bytes, limits: TokenLimits())
        #expect(token.jws.type == "JWT")
        #expect(token.jws.keyID == TestKeys.es256.keyID)
        #expect(token.jws.isSigned(by: TestKeys.es256.verifier))
    }

    @Test func mintsOpaqueTokensOfTheRightShape() async throws {
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: .opaque)])
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        #expect(identity.bytes.count == 47 && identity.bytes.starts(with: "csx_".utf8))
        #expect(Base64URL.decode(identity.bytes[4...])?.count == 32)
        guard case .active(let session) = try await bench.introspect(identity) else {
            Issue.record("not active")
            return
        }
        #expect(session.record.claims == [.init("email", .string("jane.operator@example.com"))])
    }

    @Test func answersARetryWithTheSameToken() async throws {
        let bench = ExchangeBench()
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = await bench.exchange(token, device: "till-1").externalIdentity
        bench.clock.advance(by: .seconds(60))
        #expect(await bench.exchange(token, device: "till-1").externalIdentity == first)
        #expect(await bench.exchange(token, device: "till-2").externalIdentity != first)
        #expect(await bench.exchange(token, device: "").externalIdentity != first)
    }

    @Test func mintsOnceForConcurrentDuplicates() async throws {
        let bench = ExchangeBench()
        let token = try bench.token.signed(by: TestKeys.rs256)
        let answers = await withTaskGroup { group in
            for _ in 0..<50 { group.addTask { await bench.exchange(token).externalIdentity } }
            return await group.reduce(into: Set<ExternalIdentity?>()) { $0.insert($1) }
        }
        #expect(answers.count == 1)
    }

    @Test func keepsProvidersApart() async throws {
        let bench = ExchangeBench(providers: [.vipLoyalty(), .vipLoyalty(name: "notes")])
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = await bench.exchange(token, provider: 0).externalIdentity
        #expect(await bench.exchange(token, provider: 1).externalIdentity != first)
    }

    @Test func mintsAgainOnceTheSessionIsGone() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let bench = ExchangeBench(clock: clock, store: store)
        let token = try bench.token.signed(by: TestKeys.rs256)
        let first = try #require(await bench.exchange(token).externalIdentity)
        try await bench.revoke(first, by: .admin)
        let second = try #require(await bench.exchange(token).externalIdentity)
        #expect(second != first)
        #expect(try await bench.introspect(first) == .inactive)
        #expect(try await bench.introspect(second) != .inactive)
    }

    @Test func endsTheSessionWithTheToken() async throws {
        let bench = ExchangeBench()
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        bench.clock.advance(by: .seconds(3 * 3600 - 1))
        #expect(try await bench.introspect(identity) != .inactive)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.introspect(identity) == .inactive)
    }

    @Test(arguments: [700, 10])
    func failsIfTheTokenExceedsItsLimit(maximumBytes: Int) async throws {
        let shape = TokenRecipe.JWTShape(algorithm: .es256, audience: "x", maximumBytes: maximumBytes)
        let long = ClaimMapping(name: "long", source: .value(.string(String(repeating: "l", count: 600))))
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: .jwt(shape), claims: [long])])
        guard case .failed(let failure) = try await bench.exchange(bench.token) else {
            Issue.record("no failure")
            return
        }
        #expect(failure.kind == .mintFailed)
    }

    @Test func acceptsAJWTOfExactlyTheLimit() async throws {
        let bench = ExchangeBench()
        let count = try #require(try await bench.exchange(bench.token).externalIdentity).bytes.count
        for (limit, isMinted) in [(count - 1, false), (count, true), (count + 1, true)] {
            let shape = TokenRecipe.JWTShape(algorithm: .es256, audience: "vip-loyalty", maximumBytes: limit)
            let bench = ExchangeBench(providers: [.vipLoyalty(kind: .jwt(shape))])
            #expect((try await bench.exchange(bench.token).externalIdentity != nil) == isMinted)
        }
    }

    // MARK: What is stored

    /// One script writes both, and a cluster's script sees one slot.
    @Test(arguments: [nil, TokenRecipe.Kind.opaque])
    func storesASessionInThePartitionOfItsAnswer(kind: TokenRecipe.Kind?) async throws {
        let (bench, store) = bench(.strict, kind)
        _ = try await bench.exchange(bench.token)
        let records = try #require(store.exchanged.first)
        #expect(records.session.key.partition == records.answerKey.partition)
    }

    @Test func keepsAnAnswerNoLongerThanItsIdentityToken() async throws {
        let (bench, store) = bench(.strict)
        _ = try await bench.exchange(bench.token)
        let accepted: Duration = .seconds(300) + TenantRules().clockSkew
        #expect(store.exchanged.map(\.answerExpiresAt) == [ManualClock.start + accepted])
    }

    @Test func keepsAnAnswerNoLongerThanItsSession() async throws {
        let (bench, store) = bench(.strict)
        let end = ManualClock.start + .seconds(86400)
        _ = try await bench.exchange(bench.token.claim("exp", .number(literal: "\(end.wholeSeconds)")))
        #expect(store.exchanged.map(\.answerExpiresAt) == [ManualClock.start + bench.providers[0].token.lifetime])
    }

    @Test func tellsNoNegativeTimeOfATokenThatExpiredMeanwhile() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let provider = IdentityProvider(
            name: "brief", tenants: ["acme-staging"], mode: .strict, deadline: .seconds(3),
            token: TokenRecipe(kind: .opaque, lifetime: .seconds(1), claims: []))
        let bench = ExchangeBench(providers: [provider], clock: clock, store: store)
        store.whenAsked { clock.advance(by: .seconds(2)) }
        guard case .issued(let issued, _) = try await bench.exchange(bench.token) else {
            Issue.record("no token")
            return
        }
        #expect(issued.remainingSeconds == 0)
    }

    // MARK: The store fails

    private func bench(_ mode: FailureMode, _ kind: TokenRecipe.Kind? = nil) -> (ExchangeBench, FaultySessionStore) {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        return (ExchangeBench(providers: [.vipLoyalty(mode: mode, kind: kind)], clock: clock, store: store), store)
    }

    @Test func failsWithoutTheStoreIfStrict() async throws {
        let (bench, store) = bench(.strict)
        store.fail(with: .timedOut)
        guard case .failed(let failure) = try await bench.exchange(bench.token) else {
            Issue.record("a token left without a session")
            return
        }
        #expect(failure.kind == .sessionStoreUnavailable)
    }

    @Test func answersWithAJWTIfOptionalAndWritesItsSessionLater() async throws {
        let (bench, store) = bench(.optional)
        store.fail(with: .notConnected(detail: "connection refused"))
        guard case .degraded(let issued?, let failure) = try await bench.exchange(bench.token) else {
            Issue.record("no token")
            return
        }
        let identity = issued.externalIdentity
        #expect(failure.kind == .sessionStoreUnavailable)
        guard case .unconfirmed(let session) = try await bench.introspect(identity) else {
            Issue.record("not unconfirmed")
            return
        }
        #expect(session.record.subject == "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55")
        store.fail(with: nil)
        let writing = Task { await bench.deferredSessions.run() }
        try await eventually("the session is written") { bench.deferredSessions.count == 0 }
        #expect(try await bench.introspect(identity) == .active(session))
        writing.cancel()
        await writing.value
    }

    @Test func answersWithoutAnOpaqueTokenIfOptional() async throws {
        let (bench, store) = bench(.optional, .opaque)
        store.fail(with: .timedOut)
        guard case .degraded(nil, let failure) = try await bench.exchange(bench.token) else {
            Issue.record("an opaque token left without a session")
            return
        }
        #expect(failure.kind == .sessionStoreUnavailable)
        #expect(bench.deferredSessions.count == 0)
    }

    @Test(arguments: FailureMode.allCases)
    func refusesABadTokenInBothModesAndInAnOutage(mode: FailureMode) async throws {
        let (bench, store) = bench(mode)
        store.fail(with: .timedOut)
        #expect(await bench.exchange(try bench.token.signed(by: TestKeys.stranger)).refusal == .signatureInvalid)
    }

    @Test func neverCallsATokenInactiveWhileTheStoreIsDown() async throws {
        let (bench, store) = bench(.strict)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        store.fail(with: .timedOut)
        await #expect(throws: Failure.self) { try await bench.introspect(identity) }
        #expect(try await bench.introspect(ExternalIdentity(bytes: Array("rubbish".utf8))) == .inactive)
        #expect(
            try await bench.introspect(ExternalIdentity(bytes: bench.token.signed(by: TestKeys.rs256))) == .inactive)
    }

    @Test(arguments: FailureMode.allCases)
    func saysThatTheDeadlineHasPassed(mode: FailureMode) async throws {
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: mode)])
        let request = ExchangeRequest(
            identityToken: IdentityToken(bytes: try bench.token.signed(by: TestKeys.rs256)), device: "",
            provider: bench.providers[0], arrivedAt: .seconds(-4))
        switch await bench.exchange(request) {
        case .failed(let failure): #expect(mode == .strict && failure.kind == .deadlineExceeded)
        case .degraded(let identity, let failure):
            #expect(mode == .optional && identity == nil && failure.kind == .deadlineExceeded)
        case .issued, .refused: Issue.record("answered after the deadline")
        }
    }

    @Test func replacesAnAnswerThatCannotBeOpened() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let bench = ExchangeBench(clock: clock, store: store)
        let token = try bench.token.signed(by: TestKeys.rs256)
        let slot = bench.vault.answerSlot(for: IdentityToken(bytes: token), device: "", provider: "vip-loyalty")
        let session = StoredSession(
            key: RecordKey(digest: [UInt8](repeating: 7, count: 32), in: Partition(digest: [0, 0, 0])),
            record: SealedRecord(bytes: [1]),
            expiresAt: clock.now + .seconds(60))
        _ = try store.insertIfAbsent(
            ExchangeRecords(
                session: session, answerKey: slot.key, answer: SealedRecord(bytes: [9, 9]),
                answerExpiresAt: clock.now + .seconds(60)),
            replacing: nil, within: .seconds(1))
        let identity = try #require(await bench.exchange(token).externalIdentity)
        #expect(try await bench.introspect(identity) != .inactive)
        #expect(await bench.exchange(token).externalIdentity == identity)
    }
}
