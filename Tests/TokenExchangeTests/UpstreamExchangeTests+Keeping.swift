import JOSE
import TestSupport
import Testing
import TokenExchange

/// Tokens that are kept for the next login, tokens that come again, and tokens that must not.
extension UpstreamExchangeTests {
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
            texts.append(text(await bench.exchange(bytes, device: ExactText(device), provider: provider)))
        }
        #expect(Set(texts).count == 4 && !texts.contains(nil))
        #expect(source.calls == 4)
    }

    @Test func keepsATokenForATenthLessThanItsLifetime() async throws {
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

    /// For a service that has one token for each associate, such as an API key.
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

    @Test func neverHandsOutAKeptTokenOfSuchAServiceOnceItIsRevoked() async throws {
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

    /// If it were kept, it would come back once its revocation has expired.
    @Test func keepsNoTokenThatWasRevoked() async throws {
        let bench = bench()
        source.answerNext(.success(Self.always), .success(Self.always), .success(Self.always))
        let first = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        try await bench.revoke(first, by: .admin)
        clock.advance(by: .seconds(86_399))
        #expect(failure(try await bench.exchange(token(bench, 2))) == .upstreamRefused)
        clock.advance(by: .seconds(2))
        let second = try #require(try await bench.exchange(token(bench, 3)).externalIdentity)
        #expect(second != first)
    }

    @Test func endsATokenOfManyDevicesIfAnyOfThemIsRevoked() async throws {
        for lost in ["till-1", "till-2"] {
            let bench = bench(source: ScriptedUpstream(always: Self.always))
            for device in ["till-1", "till-2"] {
                #expect(text(try await bench.exchange(token(bench, 1), device: ExactText(device))) == "always-the-same")
            }
            clock.advance(by: .seconds(1))
            try await bench.revocations.revoke(try #require(Cohort(.device, ExactText(lost))))
            #expect(try await bench.introspect(ExternalIdentity(bytes: Self.always.bytes)) == .inactive)
            #expect(failure(try await bench.exchange(token(bench, 2), device: "till-3")) == .upstreamRefused)
        }
    }

    /// No device is dropped to make room: the session of a lost device must stay revocable.
    @Test(arguments: [1, 32])
    func refusesATokenOfMoreDevicesThanAreAllowed(limit: Int) async throws {
        let bench = ExchangeBench(
            providers: [.vipLoyalty(kind: .internalService(deviceLimit: limit))], clock: clock,
            upstream: ScriptedUpstream(always: Self.always))
        func logIn(_ number: Int, device: Int) async throws -> ExchangeOutcome {
            try await bench.exchange(token(bench, number), device: ExactText("till-\(device)"))
        }
        for number in 1...limit { #expect(text(try await logIn(number, device: number)) == "always-the-same") }
        guard case .failed(let failure) = try await logIn(limit + 1, device: limit + 1) else {
            Issue.record("device \(limit + 1) has got the token")
            return
        }
        #expect(failure.kind == .upstreamRefused)
        #expect(
            failure.cause == "it gave one token to more than \(limit) devices, which "
                + "token.upstream.devices_per_token allows")
        #expect(text(try await logIn(limit + 2, device: 1)) == "always-the-same", "those that have it keep it")
    }

    @Test func tellsSubjectsApartThatAreEqualToSwift() async throws {
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

    @Test func leavesTheTokensOfOtherDevicesAloneIfTwoReplicasAnswerOneRequest() async throws {
        let (store, records) = (InMemorySessionStore(time: clock.time), InMemorySharedRecords(time: clock.time))
        let sources = [ScriptedUpstream(name: "a"), ScriptedUpstream(name: "b")]
        let benches = sources.map { bench(store: store, source: $0, records: records) }
        // Each replica keeps its own token, and somebody holds each of them.
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

    @Test func acceptsATokenThatLooksLikeOurOpaqueOnes() async throws {
        let bench = bench()
        let opaque = Array("csx_".utf8) + Base64URL.encode((0..<32).map { UInt8($0) })
        source.answerNext(.success(UpstreamToken(bytes: opaque, lifetime: nil)))
        let identity = try #require(try await bench.exchange(token(bench, 1)).externalIdentity)
        #expect(identity.bytes == opaque)
        #expect(try await bench.introspect(identity).session != nil)
        try await bench.revoke(identity, by: .admin)
        #expect(try await bench.introspect(identity) == .inactive)
    }
}
