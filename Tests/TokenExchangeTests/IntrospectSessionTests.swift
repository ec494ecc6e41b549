import JOSE
import TestSupport
import Testing
import TokenExchange

/// What a verifier may see and end, and what it costs the store.
@Suite struct IntrospectSessionTests {
    private static let verifier = Verifier(id: "v", identityProviders: ["vip-loyalty"], revocation: .own)
    private static let other = Verifier(id: "o", identityProviders: ["notes"], revocation: .own)

    @Test(arguments: [nil, TokenRecipe.Kind.opaque])
    func showsASessionOnlyToItsOwnVerifiers(kind: TokenRecipe.Kind?) async throws {
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: kind)])
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        let session = try #require(try await bench.introspect(identity, for: Self.verifier).session)
        #expect(session.record.identityProvider == "vip-loyalty")
        #expect((session.tokenClaims == nil) == (kind == .opaque), "a JWT brings its claims itself")
        #expect(session.record.claims.isEmpty == (kind == nil), "and so they are not stored")
        #expect(try await bench.introspect(identity, for: Self.other) == .inactive)
    }

    /// All that a token may contain can be mapped, and what was mapped can be read again.
    @Test(
        arguments: [nil, TokenRecipe.Kind.opaque],
        [TokenLimits(), TokenLimits(json: JSONLimits(depth: 64, members: 4096))])
    func readsClaimsAsDeepAndAsWideAsTheLimitsAllow(kind: TokenRecipe.Kind?, limits: TokenLimits) async throws {
        let jwt = TokenRecipe.Kind.jwt(TokenRecipe.JWTShape(algorithm: .es256, audience: "a", maximumBytes: 8192))
        let mapping = ClaimMapping(name: "deep", source: .firstOf([ClaimPath("deep")]))
        let bench = ExchangeBench(
            providers: [.vipLoyalty(kind: kind ?? jwt, claims: [mapping])], limits: limits)
        var claim = JSONValue.object((0..<min(limits.json.members, 300)).map { .init(ExactText("n\($0)"), .null) })
        // The payload itself is one level.
        for _ in 0..<limits.json.depth - 2 { claim = .array([claim]) }
        let identity = try #require(try await bench.exchange(bench.token.claim("deep", claim)).externalIdentity)
        let session = try #require(try await bench.introspect(identity).session)
        #expect(session.tokenClaims != nil || session.record.claims.map(\.name) == ["deep"])
        #expect(bench.unreadableRecords.count(of: .corrupt) == 0)
    }

    @Test func endsASessionAtItsExpiryToTheSecond() async throws {
        let bench = ExchangeBench()
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        bench.clock.advance(by: .seconds(3 * 3600 - 1))
        #expect(try await bench.introspect(identity, for: Self.verifier) != .inactive)
        bench.clock.advance(by: .seconds(1))
        #expect(try await bench.introspect(identity, for: Self.verifier) == .inactive)
    }

    @Test func takesOneRoundTrip() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(clock: clock, store: store)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        store.reset()
        _ = try await bench.introspect(identity, for: Self.verifier)
        #expect(store.roundTrips == 1)
        _ = try await bench.introspect(ExternalIdentity(bytes: Array("rubbish".utf8)), for: Self.verifier)
        #expect(store.roundTrips == 1, "what cannot be ours by its shape needs no store")
        try await bench.revoke(identity, by: Self.verifier)
        #expect(store.roundTrips == 2, "a JWT says itself whose it is")
    }

    /// It is not written yet, and once it is revoked it never becomes active.
    @Test(arguments: [false, true]) func findsASessionThatIsWaitingToBeWritten(isRevoked: Bool) async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], clock: clock, store: store)
        store.fail(with: .timedOut)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        store.fail(with: nil)
        if isRevoked { try await bench.revoke(identity, by: .admin) }
        #expect((try await bench.introspect(identity, for: Self.verifier) == .inactive) == isRevoked)
        #expect(bench.deferredSessions.count == 0)
    }

    @Test(arguments: [Verifier.Revocation.none, .own, .all], ["vip-loyalty", "notes"])
    func revokesWhatTheVerifierMay(revocation: Verifier.Revocation, visible: String) async throws {
        for kind in [nil, TokenRecipe.Kind.opaque] {
            let bench = ExchangeBench(providers: [.vipLoyalty(kind: kind)])
            let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
            try await bench.revoke(
                identity, by: Verifier(id: "v", identityProviders: [ExactText(visible)], revocation: revocation))
            let isRevoked = revocation == .all || revocation == .own && visible == "vip-loyalty"
            #expect((try await bench.introspect(identity) == .inactive) == isRevoked)
        }
    }

    @Test(arguments: [
        ("csx_" + String(repeating: "A", count: 43), 1), ("csx_" + String(repeating: "A", count: 42) + "!", 0),
        ("csx_" + String(repeating: "A", count: 42), 0),
    ])
    func asksTheStoreForNothingThatCannotBeAnOpaqueToken(text: String, roundTrips: Int) async throws {
        let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
        let bench = ExchangeBench(store: store)
        #expect(try await bench.introspect(ExternalIdentity(bytes: Array(text.utf8))) == .inactive)
        #expect(store.roundTrips == roundTrips)
    }

    @Test(arguments: [(0, 0), (1, 1), (8192, 1), (8193, 0)])
    func asksTheStoreForNoTokenOfAServiceThatIsLongerThanAnyMayBe(count: Int, roundTrips: Int) async throws {
        let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
        let bench = ExchangeBench(providers: [.vipLoyalty(kind: .upstream)], store: store)
        let bytes = [UInt8](repeating: UInt8(ascii: "t"), count: count)
        #expect(try await bench.introspect(ExternalIdentity(bytes: bytes)) == .inactive)
        #expect(store.roundTrips == roundTrips)
    }

    @Test func endsAnUnconfirmedSessionAtItsExpiry() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], clock: clock, store: store)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        store.fail(with: .timedOut)
        clock.advance(by: bench.providers[0].token.lifetime - .seconds(1))
        #expect(try await bench.introspect(identity).session != nil)
        clock.advance(by: .seconds(1))
        #expect(try await bench.introspect(identity) == .inactive)
    }

    @Test func endsTheSessionsOfAProviderThatIsNoLongerConfigured() async throws {
        let clock = ManualClock()
        let store = InMemorySessionStore(time: clock.time)
        let bench = ExchangeBench(clock: clock, store: store)
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        let later = ExchangeBench(providers: [.vipLoyalty(name: "notes")], clock: clock, store: store)
        #expect(try await bench.introspect(identity).session != nil)
        #expect(try await later.introspect(identity) == .inactive)
    }

    /// The store keeps milliseconds; one that was rounded up would be later than the revocation.
    @Test func endsASessionThatBeganInTheMillisecondOfItsRevocation() async throws {
        let bench = ExchangeBench()
        bench.clock.advance(by: .microseconds(400))
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        try await bench.revocations.revoke(try #require(Cohort(.all)))
        #expect(try await bench.introspect(identity) == .inactive)
    }

    /// Such as one of another service that has our keys.
    @Test(arguments: [
        (ExchangeBench.publicURL, "ES256", true), ("https://other.acme.example", "ES256", false),
        (ExchangeBench.publicURL, "ES384", false),
    ])
    func believesNoSignatureOnATokenThatIsNotOfItsOwnMaking(issuer: String, algorithm: String, isOurs: Bool)
        async throws
    {
        let store = FaultySessionStore(InMemorySessionStore(time: ManualClock().time))
        let bench = ExchangeBench(providers: [.vipLoyalty(mode: .optional)], store: store)
        store.fail(with: .timedOut)
        let token = ModelToken(issuedAt: bench.clock.now, algorithm: algorithm, keyID: TestKeys.es256.keyID)
            .claim("iss", .string(issuer)).claim("identity_provider", .string("vip-loyalty"))
            .claim("tenant", .string("acme-staging")).claim("jti", .string("AAAAAAAAAAAAAAAAAAAAAA"))
        let status = try await bench.introspect(ExternalIdentity(bytes: try token.signed(by: TestKeys.es256)))
        #expect((status.session != nil) == isOurs)
    }

    @Test func doesNotRevokeForAForgedToken() async throws {
        let clock = ManualClock()
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = ExchangeBench(clock: clock, store: store)
        var forged = try #require(try await bench.exchange(bench.token).externalIdentity).bytes
        forged[forged.count - 4] = forged[forged.count - 4] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        store.reset()
        try await bench.revoke(ExternalIdentity(bytes: forged), by: .admin)
        #expect(store.roundTrips == 0)
    }
}
