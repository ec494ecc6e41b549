import JOSE
import TestSupport
import Testing
import TokenExchange

@Suite struct UpstreamExchangeTests {
    private let source = ScriptedUpstream()
    private let clock = ManualClock()

    private func bench(
        _ mode: FailureMode = .strict, store: (any SessionStore)? = nil, source: ScriptedUpstream? = nil,
        records: (any SharedRecords)? = nil, kept: (any SharedRecords)? = nil, claims: [ClaimMapping] = [.email]
    ) -> ExchangeBench {
        ExchangeBench(
            providers: [
                .vipLoyalty(mode: mode, kind: .upstream, claims: claims),
                .vipLoyalty(name: "other", mode: mode, kind: .upstream, claims: claims),
            ], clock: clock, store: store, upstream: source ?? self.source, records: records, kept: kept)
    }

    private func token(_ bench: ExchangeBench, _ number: Int, subject: String = "jane") -> ModelToken {
        bench.token.claim("jti", .string("login-\(number)")).claim("sub", .string(subject))
    }

    private func text(_ outcome: ExchangeOutcome) -> String? {
        outcome.externalIdentity.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    private func failure(_ outcome: ExchangeOutcome) -> Failure.Kind? {
        switch outcome {
        case .failed(let failure), .degraded(_, let failure): failure.kind
        case .issued, .refused: nil
        }
    }

    // MARK: Passing through

    @Test func passesTheTokenThroughUnchangedAndRecordsItsSession() async throws {
        let bench = bench()
        let outcome = try await bench.exchange(token(bench, 1), device: "till")
        #expect(text(outcome) == "up-1/+=")
        let identity = try #require(outcome.externalIdentity)
        let session = try #require(try await bench.introspect(identity).session?.record)
        #expect(session.subject == "jane" && session.identityProvider == "vip-loyalty")
        #expect(session.claims == [.init("email", .string("jane.operator@example.com"))])
    }

    @Test func answersARetryWithTheSameTokenWithoutTheService() async throws {
        let bench = bench()
        let token = token(bench, 1)
        let first = text(try await bench.exchange(token, device: "till"))
        #expect(text(try await bench.exchange(token, device: "till")) == first)
        #expect(source.calls == 1)
    }

    @Test func answersARetryOfAnotherProcessThatSharesNothingButTheStore() async throws {
        let (store, records) = (InMemorySessionStore(time: clock.time), InMemorySharedRecords(time: clock.time))
        let (one, other) = (bench(store: store, records: records), bench(store: store, records: records))
        let token = token(one, 1)
        let first = text(try await one.exchange(token))
        #expect(first != nil)
        #expect(text(try await other.exchange(token)) == first)
        #expect(source.calls == 1)
    }

    @Test func refusesWhereAClaimOfTheRequestIsMissing() async throws {
        let bench = bench(claims: [])
        #expect(try await bench.exchange(token(bench, 1).claim("email", nil)).refusal == .claimMissing)
        #expect(source.calls == 0)
        let explanation = await bench.explain(
            IdentityToken(bytes: try token(bench, 1).claim("email", nil).signed(by: TestKeys.rs256)),
            for: bench.providers[0], at: clock.now, within: .seconds(1))
        #expect(explanation.reason == "claim_missing")
    }

    // MARK: Keeping

    @Test func keepsATokenForTheNextLoginOnTheSameDevice() async throws {
        let bench = bench()
        let first = text(try await bench.exchange(token(bench, 1), device: "till"))
        clock.advance(by: .seconds(3600))
        #expect(text(try await bench.exchange(token(bench, 2), device: "till")) == first)
        #expect(source.calls == 1)
    }

    @Test func keepsTokensApartByDeviceSubjectAndProvider() async throws {
        let bench = bench()
        var texts: [String?] = []
        for (subject, device, provider) in [
            ("jane", "till", 0), ("jane", "other", 0), ("john", "till", 0), ("jane", "till", 1),
        ] {
            let bytes = try token(bench, 1, subject: subject).signed(by: TestKeys.rs256)
            texts.append(text(await bench.exchange(bytes, device: device, provider: provider)))
        }
        #expect(Set(texts).count == 4 && !texts.contains(nil))
        #expect(source.calls == 4)
    }

    @Test func keepsATokenForATenthLessThanItLives() async throws {
        let bench = bench()
        source.answerNext(.success(UpstreamToken(bytes: Array("short".utf8), lifetime: .seconds(100))))
        #expect(text(try await bench.exchange(token(bench, 1))) == "short")
        clock.advance(by: .seconds(89))
        #expect(text(try await bench.exchange(token(bench, 2))) == "short")
        clock.advance(by: .seconds(2))
        #expect(text(try await bench.exchange(token(bench, 3))) != "short")
        #expect(source.calls == 2)
    }

    @Test func endsASessionWithItsToken() async throws {
        let bench = bench()
        source.answerNext(.success(UpstreamToken(bytes: Array("short".utf8), lifetime: .seconds(100))))
        let identity = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        clock.advance(by: .seconds(99))
        #expect(try await bench.introspect(identity).session != nil)
        clock.advance(by: .seconds(2))
        #expect(try await bench.introspect(identity) == .inactive)
    }

    @Test func neverHandsOutARevokedTokenAgain() async throws {
        let bench = bench()
        let token = token(bench, 1)
        let first = try #require(try await bench.exchange(token).externalIdentity)
        try await bench.revoke(first, by: .admin)
        #expect(try await bench.introspect(first) == .inactive)
        let second = try #require(try await bench.exchange(token).externalIdentity)
        #expect(second != first)
        #expect(try await bench.exchange(self.token(bench, 2)).externalIdentity == second)
        #expect(source.calls == 2)
    }

    @Test func neverHandsOutATokenWhoseCohortWasRevoked() async throws {
        let bench = bench()
        let token = token(bench, 1)
        let first = try #require(try await bench.exchange(token).externalIdentity)
        try await bench.revocations.revoke(try #require(Cohort(.subject, "jane")))
        #expect(try await bench.introspect(first) == .inactive)
        clock.advance(by: .seconds(1))
        let second = try #require(try await bench.exchange(token).externalIdentity)
        #expect(second != first)
        #expect(try await bench.introspect(second).session != nil)
        #expect(source.calls == 2)
    }

    /// Of a service that has one token for each associate, such as an API key.
    private static let always = UpstreamToken(bytes: Array("always-the-same".utf8), lifetime: nil)

    @Test func keepsTheSessionOfATokenThatComesAgainForAsLongAsTheLatestLogin() async throws {
        let bench = bench()
        let lifetime = bench.providers[0].token.lifetime
        source.answerNext(.success(Self.always), .success(Self.always))
        let first = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        let began = try #require(try await bench.introspect(first).session).record
        clock.advance(by: lifetime - .seconds(30))
        #expect(try await bench.exchange(token(bench, 2)).externalIdentity == first)
        #expect(source.calls == 2)
        clock.advance(by: lifetime - .seconds(1))
        let session = try #require(try await bench.introspect(first).session).record
        #expect(session.issuedAt == began.issuedAt && session.tokenID == began.tokenID)
        clock.advance(by: .seconds(2))
        #expect(try await bench.introspect(first) == .inactive)
    }

    @Test func neverHandsOutARevokedTokenOfSuchAServiceFromWhatItKept() async throws {
        let bench = bench()
        let lifetime = bench.providers[0].token.lifetime
        source.answerNext(.success(Self.always), .success(Self.always), .success(Self.always))
        let first = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        clock.advance(by: lifetime - .seconds(30))
        #expect(try await bench.exchange(token(bench, 2)).externalIdentity == first)
        try await bench.revoke(first, by: .admin)
        #expect(failure(try await bench.exchange(token(bench, 3))) == .upstreamRefused)
        for _ in 0..<4 {
            clock.advance(by: lifetime / 2)
            #expect(try await bench.introspect(first) == .inactive)
            #expect(try await bench.exchange(token(bench, 4)).externalIdentity != first)
        }
    }

    @Test func endsATokenOfManyDevicesWithAnyOfThem() async throws {
        for lost in ["till-1", "till-2"] {
            let bench = bench(source: ScriptedUpstream(always: Self.always))
            for device in ["till-1", "till-2"] {
                #expect(text(try await bench.exchange(token(bench, 1), device: device)) == "always-the-same")
            }
            clock.advance(by: .seconds(1))
            try await bench.revocations.revoke(try #require(Cohort(.device, lost)))
            #expect(try await bench.introspect(ExternalIdentity(bytes: Self.always.bytes)) == .inactive)
            #expect(failure(try await bench.exchange(token(bench, 2), device: "till-3")) == .upstreamRefused)
        }
    }

    @Test func refusesATokenOfTooManyDevices() async throws {
        let bench = bench(source: ScriptedUpstream(always: Self.always))
        for number in 1...33 {
            let outcome = try await bench.exchange(token(bench, number), device: "till-\(number)")
            #expect((failure(outcome) == .upstreamRefused) == (number > 32))
        }
    }

    @Test func tellsSubjectsApartThatSwiftTakesForEqual() async throws {
        let bench = bench()
        let (composed, decomposed) = ("jos\u{e9}", "jose\u{301}")
        #expect(composed == decomposed)
        source.hold()
        let tokens = try [composed, decomposed].map { try token(bench, 1, subject: $0).signed(by: TestKeys.rs256) }
        let logins = tokens.map { token in Task { await bench.exchange(token, device: "till") } }
        try await eventually("both call", within: .seconds(30)) { source.calls == 2 }
        source.release()
        #expect(text(await logins[0].value) != text(await logins[1].value))
        let shared = self.bench(source: ScriptedUpstream(always: Self.always))
        #expect(text(await shared.exchange(tokens[0])) == "always-the-same")
        #expect(failure(await shared.exchange(tokens[1])) == .upstreamRefused)
    }

    @Test func endsASessionWhoseCohortWasRevokedWhileTheServiceWasAsked() async throws {
        let bench = bench()
        source.hold()
        let bytes = try token(bench, 1).signed(by: TestKeys.rs256)
        let login = Task { await bench.exchange(bytes, device: "till") }
        try await eventually("a call", within: .seconds(30)) { source.calls == 1 }
        clock.advance(by: .milliseconds(100))
        try await bench.revocations.revoke(try #require(Cohort(.device, "till")))
        clock.advance(by: .milliseconds(100))
        source.release()
        #expect(await login.value.externalIdentity == nil)
        #expect(try await bench.introspect(ExternalIdentity(bytes: Array("up-1/+=".utf8))) == .inactive)
    }

    @Test func leavesTheTokensOfOtherDevicesAloneWhereTwoReplicasAnswerOneRequest() async throws {
        let (store, records) = (InMemorySessionStore(time: clock.time), InMemorySharedRecords(time: clock.time))
        let sources = [ScriptedUpstream(name: "a"), ScriptedUpstream(name: "b")]
        let benches = sources.map { bench(store: store, source: $0, records: records) }
        // Each replica keeps a token of its own, which somebody holds.
        var held: [ExternalIdentity] = []
        for (number, bench) in benches.enumerated() {
            held.append(try #require(try await bench.exchange(token(bench, number)).externalIdentity))
        }
        #expect(Set(held.map(\.bytes)).count == 2)
        for bench in benches { _ = try await bench.exchange(token(bench, 7)) }
        for identity in held { #expect(try await benches[0].introspect(identity).session != nil) }
    }

    @Test func refusesAServiceThatAnswersWithARevokedTokenAgain() async throws {
        let bench = bench()
        let same = UpstreamToken(bytes: Array("always-the-same".utf8), lifetime: nil)
        source.answerNext(.success(same), .success(same), .success(same))
        let first = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        try await bench.revoke(first, by: .admin)
        #expect(failure(try await bench.exchange(token(bench, 2))) == .upstreamRefused)
    }

    @Test func refusesATokenThatTheServiceGaveToSomebodyElse() async throws {
        let bench = bench()
        let same = UpstreamToken(bytes: Array("shared".utf8), lifetime: nil)
        source.answerNext(.success(same), .success(same))
        let janes = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        #expect(failure(try await bench.exchange(token(bench, 2, subject: "john"))) == .upstreamRefused)
        #expect(try await bench.introspect(janes).session?.record.subject == "jane")
    }

    @Test func refusesATokenOfOurOwnMaking() async throws {
        let minting = ExchangeBench(clock: clock)
        let own = try #require(try await minting.exchange(minting.token).externalIdentity)
        let bench = bench()
        source.answerNext(.success(UpstreamToken(bytes: own.bytes, lifetime: nil)))
        #expect(failure(try await bench.exchange(token(bench, 1))) == .upstreamRefused)
    }

    @Test func takesATokenThatLooksLikeAnOpaqueOneOfOurs() async throws {
        let bench = bench()
        let opaque = Array("csx_".utf8) + Base64URL.encode((0..<32).map { UInt8($0) })
        source.answerNext(.success(UpstreamToken(bytes: opaque, lifetime: nil)))
        let identity = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        #expect(identity.bytes == opaque)
        #expect(try await bench.introspect(identity).session != nil)
        try await bench.revoke(identity, by: .admin)
        #expect(try await bench.introspect(identity) == .inactive)
    }

    // MARK: One call at a time

    @Test func asksOnceForAHundredConcurrentLoginsOfOneAssociate() async throws {
        let bench = bench()
        let tokens = try (0..<100).map { try token(bench, $0).signed(by: TestKeys.rs256) }
        source.hold()
        let texts = try await withThrowingTaskGroup(of: String?.self) { group in
            for token in tokens { group.addTask { text(await bench.exchange(token, device: "till")) } }
            try await eventually("a call", within: .seconds(30)) { source.calls == 1 }
            source.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(source.calls == 1)
        #expect(texts.allSatisfy { $0 == "up-1/+=" })
    }

    @Test func asksOnceAcrossReplicasThatShareRecords() async throws {
        let (store, records) = (InMemorySessionStore(time: clock.time), InMemorySharedRecords(time: clock.time))
        let benches = (0..<4).map { _ in bench(store: store, records: records, kept: records) }
        source.hold()
        let texts = try await withThrowingTaskGroup(of: String?.self) { group in
            for (number, bench) in benches.enumerated() {
                let token = try token(bench, number).signed(by: TestKeys.rs256)
                group.addTask { text(await bench.exchange(token, device: "till")) }
            }
            try await eventually("a call", within: .seconds(30)) { source.calls == 1 }
            source.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(source.calls == 1)
        #expect(Set(texts) == ["up-1/+="])
    }

    @Test func goesOnWhenTheReplicaThatAskedHasDied() async throws {
        let records = InMemorySharedRecords(time: clock.time)
        let (store, dying, living) = (
            InMemorySessionStore(time: clock.time), ScriptedUpstream(), ScriptedUpstream(name: "b")
        )
        // Its sleeps never end, so it renews its claim no more: as dead as a replica can be.
        let obtain = ObtainUpstreamToken(
            source: dying, records: records,
            vault: UpstreamVault(sealer: OpenSSLRecordSealer(), secret: Array("one secret for all replicas".utf8)),
            time: clock.time, sleep: { _ in try await Task.sleep(for: .seconds(3600)) })
        let deadVault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in })
        let providers = bench().providers
        let revocations = RevocationList(store: store, vault: deadVault, time: clock.time, maximumAge: nil)
        let mint = MintExternalIdentity(
            issuer: ExchangeBench.publicURL, keys: { TestKeys.ring }, randomBytes: OpenSSLRecordSealer().randomBytes)
        let dead = ExchangeToken(
            verify: VerifyIdentityToken(
                tenants: [
                    Tenant(
                        name: "acme-staging", issuer: ModelToken.issuer, keys: IssuerKeySet([TestKeys.rs256.verifier]),
                        rules: TenantRules())
                ], providers: providers, claimsReader: LibJWTClaimsReader(), limits: TokenLimits()),
            mint: mint, vault: deadVault, store: store,
            deferredSessions: DeferredSessions(store: store, time: clock.time) { _ in },
            upstream: UpstreamExchange(
                obtain: obtain, mint: mint, vault: deadVault, store: store, answers: records, revocations: revocations,
                time: clock.time),
            revocations: revocations, time: clock.time)
        dying.hold()
        let bench = bench(store: store, source: living, records: records, kept: records)
        let first = ExchangeRequest(
            identityToken: IdentityToken(bytes: try token(bench, 1).signed(by: TestKeys.rs256)), device: "till",
            provider: providers[0], arrivedAt: clock.time.elapsed())
        let dyingLogin = Task { await dead(first) }
        try await eventually("the first replica asks", within: .seconds(30)) { dying.calls == 1 }
        let second = try token(bench, 2).signed(by: TestKeys.rs256)
        let login = Task { text(await bench.exchange(second, device: "till")) }
        clock.advance(by: .milliseconds(900))
        #expect(living.calls == 0)
        clock.advance(by: .milliseconds(200))
        #expect(await login.value == "b-1/+=")
        // Back from the dead, it finds another's mark, and does not overwrite what that one keeps.
        dying.release()
        _ = await dyingLogin.value
        #expect(text(try await bench.exchange(token(bench, 3), device: "till")) == "b-1/+=")
        #expect(living.calls == 1)
    }

    // MARK: Failures

    @Test(arguments: [
        (UpstreamFailure.refused(cause: "x"), Failure.Kind.upstreamRefused),
        (.unavailable(cause: "x"), .upstreamUnavailable), (.timedOut(cause: "x"), .deadlineExceeded),
    ])
    func failsAStrictLoginAndSparesAnOptionalOne(failed: UpstreamFailure, kind: Failure.Kind) async throws {
        for mode in FailureMode.allCases {
            let source = ScriptedUpstream()
            let bench = bench(mode, source: source)
            source.answerNext(.failure(failed), .failure(failed), .failure(failed))
            let outcome = try await bench.exchange(token(bench, 1))
            switch (mode, outcome) {
            case (.strict, .failed(let failure)), (.optional, .degraded(nil, let failure)):
                #expect(failure.kind == kind)
            default: Issue.record("\(mode): \(outcome)")
            }
        }
    }

    @Test func makesItsOwnCallOnceAlsoWhereTimeIsLeft() async throws {
        let bench = bench()
        source.answerNext(.failure(.timedOut(cause: "x")))
        #expect(failure(try await bench.exchange(token(bench, 1))) == .deadlineExceeded)
        #expect(source.calls == 1)
    }

    @Test func asksItselfWhereAnothersTimeWasTooShort() async throws {
        let bench = bench()
        source.answerNext(.failure(.timedOut(cause: "x")))
        source.hold()
        let tokens = try (0..<2).map { try token(bench, $0).signed(by: TestKeys.rs256) }
        let first = Task { await bench.exchange(tokens[0], device: "till") }
        try await eventually("a call", within: .seconds(30)) { source.calls == 1 }
        let second = Task { await bench.exchange(tokens[1], device: "till") }
        // Time for the second to join; were it late, it would lead, and succeed as well.
        for _ in 0..<100 { await Task.yield() }
        source.release()
        #expect(failure(await first.value) == .deadlineExceeded)
        #expect(text(await second.value) == "up-2/+=")
        #expect(source.calls == 2)
    }

    @Test func asksAgainAfterAFailure() async throws {
        let bench = bench()
        source.answerNext(.failure(.unavailable(cause: "x")))
        #expect(failure(try await bench.exchange(token(bench, 1))) == .upstreamUnavailable)
        #expect(text(try await bench.exchange(token(bench, 1))) == "up-2/+=")
    }

    @Test(arguments: FailureMode.allCases)
    func answersNoTokenWhoseSessionIsNotStored(mode: FailureMode) async throws {
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        let bench = bench(mode, store: store)
        store.fail(with: .timedOut)
        let outcome = try await bench.exchange(token(bench, 1))
        #expect(outcome.externalIdentity == nil)
        #expect(failure(outcome) == .sessionStoreUnavailable)
        let identity = ExternalIdentity(bytes: Array("whatever".utf8))
        await #expect(throws: Failure.self) { try await bench.introspect(identity) }
    }

    @Test func takesTokensOfAnyShapeOnlyWhereAProviderHasThem() async throws {
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: .timedOut)
        let without = ExchangeBench(clock: clock, store: store)
        #expect(try await without.introspect(ExternalIdentity(bytes: Array("whatever".utf8))) == .inactive)
        let with = bench(store: store)
        #expect(try await with.introspect(ExternalIdentity(bytes: Array("what ever".utf8))) == .inactive)
    }
}
