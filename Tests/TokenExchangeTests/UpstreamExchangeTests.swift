import JOSE
import TestSupport
import Testing
import TokenExchange

@Suite struct UpstreamExchangeTests {
    let source = ScriptedUpstream()
    let clock = ManualClock()

    func bench(
        _ mode: FailureMode = .strict, store: (any SessionStore)? = nil, source: ScriptedUpstream? = nil,
        records: (any SharedRecords)? = nil, kept: (any SharedRecords)? = nil, claims: [ClaimMapping] = [.email]
    ) -> ExchangeBench {
        ExchangeBench(
            providers: [
                .vipLoyalty(mode: mode, kind: .upstream, claims: claims),
                .vipLoyalty(name: "other", mode: mode, kind: .upstream, claims: claims),
            ], clock: clock, store: store, upstream: source ?? self.source, records: records, kept: kept)
    }

    func token(_ bench: ExchangeBench, _ number: Int, subject: String = "jane") -> ModelToken {
        bench.token.claim("jti", .string("login-\(number)")).claim("sub", .string(subject))
    }

    func text(_ outcome: ExchangeOutcome) -> String? {
        outcome.externalIdentity.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    func failure(_ outcome: ExchangeOutcome) -> Failure.Kind? {
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

    @Test func refusesIfAClaimOfTheRequestIsMissing() async throws {
        let bench = bench(claims: [])
        #expect(try await bench.exchange(token(bench, 1).claim("email", nil)).refusal == .claimMissing)
        #expect(source.calls == 0)
        let explanation = await bench.explain(
            IdentityToken(bytes: try token(bench, 1).claim("email", nil).signed(by: TestKeys.rs256)),
            for: bench.providers[0], at: clock.now, within: .seconds(1))
        #expect(explanation.reason == "claim_missing")
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
        // Its sleeps never end, so it no longer renews its lease: as dead as a replica can be.
        let obtain = ObtainUpstreamToken(
            source: dying, records: records,
            vault: UpstreamVault(sealer: OpenSSLRecordSealer(), secret: Array("one secret for all replicas".utf8)),
            time: clock.time, sleep: { _ in try await Task.sleep(for: .seconds(3600)) })
        let deadVault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in })
        let providers = bench().providers
        let revocations = RevocationList(store: store, vault: deadVault, time: clock.time, maximumAge: nil)
        let mint = MintExternalIdentity(
            issuer: ExactText(ExchangeBench.publicURL), keys: TestKeys.ring,
            randomBytes: OpenSSLRecordSealer().randomBytes)
        let dead = ExchangeToken(
            verify: VerifyIdentityToken(
                tenants: [
                    Tenant(
                        name: "acme-staging", issuer: ExactText(ModelToken.issuer),
                        keys: IssuerKeySet([TestKeys.rs256.verifier]),
                        rules: TenantRules())
                ], providers: providers, claimsReader: LibJWTClaimsReader(), limits: TokenLimits()),
            mint: MintedExchange(
                mint: mint, vault: deadVault, store: store,
                deferredSessions: DeferredSessions(store: store, time: clock.time) { _ in },
                revocations: revocations, time: clock.time),
            fetch: UpstreamExchange(
                obtain: obtain, mint: mint, vault: deadVault, store: store, answers: records, revocations: revocations,
                time: clock.time),
            time: clock.time)
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
        // Back from the dead, it finds another replica's record, and does not overwrite it.
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

    @Test func makesItsOwnCallOnlyOnceEvenIfTimeIsLeft() async throws {
        let bench = bench()
        source.answerNext(.failure(.timedOut(cause: "x")))
        #expect(failure(try await bench.exchange(token(bench, 1))) == .deadlineExceeded)
        #expect(source.calls == 1)
    }

    @Test func makesItsOwnCallIfAnotherLoginsTimeWasTooShort() async throws {
        let bench = bench()
        source.answerNext(.failure(.timedOut(cause: "x")))
        source.hold()
        let tokens = try (0..<2).map { try token(bench, $0).signed(by: TestKeys.rs256) }
        let first = Task { await bench.exchange(tokens[0], device: "till") }
        try await eventually("a call", within: .seconds(30)) { source.calls == 1 }
        let second = Task { await bench.exchange(tokens[1], device: "till") }
        // Time for the second to join; if it were late, it would lead, and also succeed.
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

    @Test func acceptsTokensOfAnyShapeOnlyIfAProviderHasThem() async throws {
        let store = FaultySessionStore(InMemorySessionStore(time: clock.time))
        store.fail(with: .timedOut)
        let without = ExchangeBench(clock: clock, store: store)
        #expect(try await without.introspect(ExternalIdentity(bytes: Array("whatever".utf8))) == .inactive)
        let with = bench(store: store)
        #expect(try await with.introspect(ExternalIdentity(bytes: Array("what ever".utf8))) == .inactive)
    }
}
