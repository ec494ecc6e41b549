import JOSE
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What is kept of internal services' tokens: where, sealed how, and for how long.
@Suite struct UpstreamVaultTests {
    private let clock = ManualClock()
    private let source = ScriptedUpstream()

    private let always = Array("always-the-same".utf8)

    private func bench(
        url: ExactText = "https://points.acme.example/tokens", answers: NotedRecords? = nil, kept: NotedRecords
    ) -> ExchangeBench {
        let recipe = UpstreamRecipe(
            endpoint: UpstreamEndpoint(url: url, tokenAt: JSONPointer("/token")!), transport: UpstreamTransport())
        return ExchangeBench(
            providers: [.vipLoyalty(kind: .upstream(recipe))], clock: clock, upstream: source, records: answers,
            kept: kept)
    }

    @Test func tellsNoKeyByTheNameThatAKeptTokenLiesUnder() async throws {
        let kept = NotedRecords(time: clock.time)
        let bench = bench(kept: kept)
        _ = try await bench.exchange(bench.token)
        let note = try #require(kept.notes.last { $0.value.first == UInt8(ascii: "T") })
        let sealed = SealedRecord(bytes: Array(note.value.dropFirst()))
        #expect(throws: UnreadableRecord.corrupt) {
            try OpenSSLRecordSealer().open(
                sealed, version: sealed.bytes[0], under: DerivedKey(bytes: note.key.digest))
        }
    }

    @Test func keepsAnAnswerNoLongerThanItsIdentityToken() async throws {
        let answers = NotedRecords(time: clock.time)
        let bench = bench(answers: answers, kept: NotedRecords(time: clock.time))
        _ = try await bench.exchange(bench.token)
        #expect(answers.notes.map(\.life) == [.seconds(300) + TenantRules().clockSkew])
    }

    @Test func keepsATokenForTheAddressThatItCameFrom() async throws {
        let kept = NotedRecords(time: clock.time)
        let old = bench(kept: kept)
        let new = bench(url: "https://points.acme.example/v2/tokens", kept: kept)
        _ = try await old.exchange(old.token)
        _ = try await new.exchange(new.token)
        #expect(source.calls == 2)
    }

    @Test func refusesATokenThatTheServiceGaveForAnotherProvider() async throws {
        let bench = ExchangeBench(
            providers: [.vipLoyalty(kind: .upstream), .vipLoyalty(name: "notes", kind: .upstream)], clock: clock,
            upstream: source)
        let token = try bench.token.signed(by: TestKeys.rs256)
        for _ in 0..<2 { source.answerNext(.success(UpstreamToken(bytes: always, lifetime: nil))) }
        #expect(await bench.exchange(token, provider: 0).externalIdentity != nil)
        guard case .failed(let failure) = await bench.exchange(token, provider: 1) else {
            Issue.record("one token for two providers")
            return
        }
        #expect(failure.kind == .upstreamRefused)
    }

    @Test func endsASessionAfterTheConfiguredLifetimeThoughItsTokenLivesOn() async throws {
        let bench = bench(kept: NotedRecords(time: clock.time))
        source.answerNext(.success(UpstreamToken(bytes: always, lifetime: .seconds(86_400 * 10))))
        let identity = try #require(try await bench.exchange(bench.token).externalIdentity)
        clock.advance(by: bench.providers[0].token.lifetime)
        #expect(try await bench.introspect(identity) == .inactive)
    }

    @Test func endsNoSessionEarlierBecauseOfAnotherLogin() async throws {
        let bench = bench(kept: NotedRecords(time: clock.time))
        source.answerNext(
            .success(UpstreamToken(bytes: always, lifetime: nil)),
            .success(UpstreamToken(bytes: always, lifetime: .seconds(60))))
        let identity = try #require(try await bench.exchange(bench.token, device: "till").externalIdentity)
        #expect(try await bench.exchange(bench.token, device: "tablet").externalIdentity == identity)
        clock.advance(by: .seconds(61))
        #expect(try await bench.introspect(identity).session != nil)
    }
}

/// Records in memory that note what is written.
private final class NotedRecords: SharedRecords {
    struct Note {
        let key: RecordKey
        let value: [UInt8]
        let life: Duration
    }

    private let inner: InMemorySharedRecords
    private let noted = Mutex<[Note]>([])

    init(time: TimeSource) {
        inner = InMemorySharedRecords(time: time)
    }

    var notes: [Note] { noted.withLock(\.self) }

    func value(of key: RecordKey, within budget: Duration) -> [UInt8]? { inner.value(of: key, within: budget) }

    func insertIfAbsent(
        _ value: [UInt8], under key: RecordKey, for life: Duration, within budget: Duration
    ) -> [UInt8]? {
        noted.withLock { $0.append(Note(key: key, value: value, life: life)) }
        return inner.insertIfAbsent(value, under: key, for: life, within: budget)
    }

    func replace(
        _ expected: [UInt8], under key: RecordKey, with new: [UInt8]?, for life: Duration, within budget: Duration
    ) -> Bool {
        if let new { noted.withLock { $0.append(Note(key: key, value: new, life: life)) } }
        return inner.replace(expected, under: key, with: new, for: life, within: budget)
    }
}
