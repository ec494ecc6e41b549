import IssuerKeys
import Testing
import TokenExchange

/// When the cache fetches by itself, and what it answers when that fails.
@Suite struct RefreshTests {
    @Test func fetchesAtOnceAndLetsEarlyRequestsWaitForIt() {
        var bench = CacheBench()
        #expect(bench.ask("a") == .wait(1))
        #expect(bench.cache.nextStep(at: bench.now) == .fetch)
        #expect(bench.ask("a") == .wait(1))
        bench.succeed(["a"])
        #expect(bench.ask("a") == .keys(1))
    }

    @Test(arguments: [(0.0, 270), (0.5, 300), (1.0, 330)])
    func refreshesWithinATenthOfTheSoftAge(jitter: Double, seconds: Int) {
        var bench = CacheBench()
        _ = bench.cache.nextStep(at: bench.now)
        bench.succeed(["a"], jitter: jitter)
        #expect(bench.cache.nextStep(at: bench.now) == .sleep(.seconds(seconds)))
        bench.now += .seconds(seconds)
        #expect(bench.cache.nextStep(at: bench.now) == .fetch)
    }

    @Test func refusesAKeyThatHasLeftTheSetAfterTheNextRefresh() {
        var bench = CacheBench(keys: ["a", "b"])
        bench.now += .seconds(300)
        _ = bench.cache.nextStep(at: bench.now)
        #expect(bench.ask("a") == .keys(1))
        bench.succeed(["b"])
        let question = bench.question("a")
        #expect(bench.ask(question) == .wait(3))
        bench.succeed(["b"])
        #expect(bench.ask(question) == .keys(0))
    }

    @Test func keepsTheLastGoodSetUntilTheHardAgeAndNotLonger() {
        var bench = CacheBench(keys: ["a"])
        let fetchedAt = bench.now
        while bench.now + .seconds(300) < fetchedAt + .seconds(86_400) {
            bench.now += .seconds(300)
            #expect(bench.cache.nextStep(at: bench.now) == .fetch)
            bench.fail()
            #expect(bench.ask("a") == .keys(1))
        }
        bench.now = fetchedAt + .milliseconds(86_399_999)
        #expect(bench.ask("a") == .keys(1))
        bench.now = fetchedAt + .seconds(86_400)
        #expect(bench.ask("a") == .unavailable("connection refused"))
        #expect(bench.cache.status(at: bench.now).age == nil)
        _ = bench.cache.nextStep(at: bench.now)
        #expect(bench.fail() == [.noKeysLeft(cause: "connection refused")])
        _ = bench.cache.nextStep(at: bench.now + .seconds(10))
        #expect(bench.succeed(["a"]) == [.recovered])
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func countsTheAgeFromTheBeginOfTheFetch() {
        var bench = CacheBench()
        _ = bench.cache.nextStep(at: bench.now)
        bench.now += .seconds(2)
        bench.succeed(["a"])
        #expect(bench.cache.status(at: bench.now).age == .seconds(2))
    }

    @Test func retriesWithGrowingWaitsUpToTheCooldown() {
        var bench = CacheBench()
        var waits: [IssuerKeyStep] = []
        for _ in 0..<6 {
            #expect(bench.cache.nextStep(at: bench.now) == .fetch)
            bench.fail()
            let step = bench.cache.nextStep(at: bench.now)
            waits.append(step)
            if case .sleep(let wait) = step { bench.now += wait }
        }
        #expect(waits == [1, 2, 4, 8, 10, 10].map { .sleep(.seconds($0)) })
    }

    @Test(arguments: [(0.0, 1.6), (1.0, 2.4)])
    func spreadsRetries(jitter: Double, seconds: Double) {
        var bench = CacheBench()
        for _ in 0..<2 {
            _ = bench.cache.nextStep(at: bench.now)
            bench.fail(jitter: jitter)
            if case .sleep(let wait) = bench.cache.nextStep(at: bench.now) {
                bench.now += bench.cache.fetchesBegun == 1 ? wait : .zero
            }
        }
        guard case .sleep(let wait) = bench.cache.nextStep(at: bench.now) else {
            Issue.record("no back-off")
            return
        }
        #expect(abs(wait.inSeconds - seconds) < 0.001)
    }

    @Test func isUnavailableWithTheCauseUntilTheFirstSuccess() {
        var bench = CacheBench()
        _ = bench.cache.nextStep(at: bench.now)
        bench.fail()
        #expect(bench.ask("a") == .unavailable("connection refused"))
        bench.now += .seconds(1)
        _ = bench.cache.nextStep(at: bench.now)
        #expect(bench.ask("a") == .unavailable("connection refused"))
        bench.succeed(["a"])
        #expect(bench.ask("a") == .keys(1))
    }

    private static let noUsableKey = "the set has no usable key (0 skipped)"

    /// One more fetch, when it is due.
    private func fetch(_ bench: inout CacheBench, after pause: Duration = .seconds(1)) {
        bench.now += pause
        #expect(bench.cache.nextStep(at: bench.now) == .fetch)
    }

    @Test func servesTheLastGoodSetUntilASecondFetchAgreesThatThereIsNoKey() {
        var bench = CacheBench(keys: ["a"])
        fetch(&bench, after: .seconds(300))
        #expect(bench.succeed([]) == [.failing(cause: Self.noUsableKey)])
        #expect(bench.ask("a") == .keys(1))
        fetch(&bench)
        #expect(bench.succeed([]) == [.noKeysLeft(cause: Self.noUsableKey)])
        #expect(bench.ask("a") == .unavailable(Self.noUsableKey))
        fetch(&bench, after: .seconds(10))
        bench.succeed(["a"])
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func forgetsAnEmptySetOnceAGoodOneHasCome() {
        var bench = CacheBench(keys: ["a"])
        for _ in 0..<3 {
            fetch(&bench, after: .seconds(400))
            bench.succeed([])
            fetch(&bench)
            #expect(bench.succeed(["a"]) == [.recovered])
        }
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func takesAFailedFetchForNoSecondOpinion() {
        var bench = CacheBench(keys: ["a"])
        fetch(&bench, after: .seconds(300))
        bench.succeed([])
        fetch(&bench)
        bench.fail()
        #expect(bench.ask("a") == .keys(1))
        fetch(&bench, after: .seconds(10))
        bench.succeed([])
        #expect(bench.ask("a") == .unavailable(Self.noUsableKey))
    }

    @Test func isUnavailableAsLongAsTheIssuerHasPublishedNoKey() {
        var bench = CacheBench(keys: [])
        #expect(bench.ask("a") == .unavailable(Self.noUsableKey))
    }

    @Test func saysWhichKeysOfASetWithoutUsableOnesAreSkipped() {
        var bench = CacheBench(keys: ["a"])
        fetch(&bench, after: .seconds(300))
        let odd = KeySetReading.named([], skipped: (0..<12).map { "keys[\($0)]: malformed" })
        let events = bench.cache.fetchEnded(.success(odd), at: bench.now, jitter: 0.5)
        guard case .failing(let cause)? = events.first else {
            Issue.record("\(events)")
            return
        }
        #expect(cause.hasPrefix("the set has no usable key (12 skipped: keys[0]: malformed, "))
        #expect(cause.hasSuffix("keys[9]: malformed and 2 more)"))
    }

    @Test func tellsOfTransitionsAndNotOfAttempts() {
        var bench = CacheBench()
        _ = bench.cache.nextStep(at: bench.now)
        #expect(bench.succeed(["a", "b"]) == [.changed(added: 2, removed: 0, skipped: [])])
        func attempt(_ result: Result<KeySetReading, KeySetFetchFailure>) -> [IssuerKeyEvent] {
            bench.now += .seconds(400)
            _ = bench.cache.nextStep(at: bench.now)
            return bench.cache.fetchEnded(result, at: bench.now, jitter: 0.5)
        }
        #expect(attempt(.success(.named(["a", "b"]))) == [])
        #expect(attempt(.failure(CacheBench.down)) == [.failing(cause: "connection refused")])
        #expect(attempt(.failure(KeySetFetchFailure("status 503"))) == [])
        #expect(attempt(.success(.named(["b", "c"]))) == [.recovered, .changed(added: 1, removed: 1, skipped: [])])
        let odd = KeySetReading.named(["b", "c"], skipped: ["not_for_signatures"])
        #expect(attempt(.success(odd)) == [.changed(added: 0, removed: 0, skipped: ["not_for_signatures"])])
        #expect(attempt(.success(odd)) == [])
    }

    @Test func tellsOfNewMaterialUnderAnOldName() {
        var bench = CacheBench(keys: ["a", "b"])
        bench.now += .seconds(300)
        _ = bench.cache.nextStep(at: bench.now)
        let events = bench.succeed(["a:other", "b", "c"])
        #expect(events == [.keyReplaced(keyID: "a"), .changed(added: 2, removed: 1, skipped: [])])
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func tellsOfNoNewMaterialWhereASecondKeySharesAName() {
        var bench = CacheBench(keys: ["a"])
        fetch(&bench, after: .seconds(300))
        #expect(bench.succeed(["a", "a:other"]) == [.changed(added: 1, removed: 0, skipped: [])])
    }

    @Test func showsItsState() {
        var bench = CacheBench()
        #expect(bench.cache.status(at: bench.now).sinceLastAttempt == nil)
        _ = bench.cache.nextStep(at: bench.now)
        _ = bench.cache.fetchEnded(.success(.named(["a", "b"], skipped: ["x"])), at: bench.now, jitter: 0.5)
        bench.now += .seconds(300)
        _ = bench.cache.nextStep(at: bench.now)
        bench.fail()
        bench.now += .seconds(7)
        let status = bench.cache.status(at: bench.now)
        #expect(status.age == .seconds(307))
        #expect(status.lastError == "connection refused")
        #expect((status.keys, status.skipped, status.fetches, status.refusedRefetches) == (2, 1, 2, 0))
        #expect(status.sinceLastAttempt == .seconds(7))
    }
}
