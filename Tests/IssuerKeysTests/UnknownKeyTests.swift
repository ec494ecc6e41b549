import IssuerKeys
import TestSupport
import Testing
import TokenExchange

/// What a `kid` that is not in the set may cause, and what it is answered.
@Suite struct UnknownKeyTests {
    @Test func findsARotatedKeyWithOneFetch() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question("b")
        #expect(bench.ask(question) == .wait(2))
        #expect(bench.cache.nextStep(at: bench.now) == .fetch)
        bench.succeed(["a", "b"])
        #expect(bench.ask(question) == .keys(1))
        #expect(bench.cache.fetchesBegun == 2)
    }

    @Test func fetchesForNobodyWhoseKidIsKnownOrAbsent() {
        var bench = CacheBench(keys: ["a", "b"])
        #expect(bench.ask("a") == .keys(1))
        #expect(bench.ask(nil) == .keys(0), "two keys fit, and no other set could tell which")
        #expect(bench.cache.fetchesBegun == 1)
    }

    @Test func takesAKnownKidForUnknownWithAnotherAlgorithm() {
        var bench = CacheBench(keys: ["a"])
        let other = IssuerKeyQuestion(query: IssuerKeyQuery(keyID: "a", algorithm: .es256), fetchesBegun: 1)
        #expect(bench.ask(other) == .wait(2))
        bench.succeed(["a"])
        #expect(bench.ask(other) == .keys(0))
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func makesEveryoneWaitForTheFetchThatRuns() {
        var bench = CacheBench(keys: ["a"])
        for source in 1...100 { #expect(bench.ask("b", from: UInt64(source)) == .wait(2)) }
        #expect(bench.cache.fetchesBegun == 2)
    }

    @Test func fetchesTwicePerCooldownAtMostForThreeThousandKidsFromAsManySources() {
        var bench = CacheBench(keys: ["a"])
        for cooldown in 1...3 {
            let before = bench.cache.fetchesBegun
            #expect(bench.ask(ExactText("first-\(cooldown)"), from: UInt64(cooldown * 10_000)) == .wait(before + 1))
            // These come while that fetch runs.
            var open = (1...3_000).map {
                bench.question(ExactText("\(cooldown)-\($0)"), from: UInt64(cooldown * 10_000 + $0))
            }
            while !open.isEmpty {
                open = open.filter { question in
                    if case .wait = bench.ask(question) { return true }
                    return false
                }
                if bench.cache.fetchesEnded < bench.cache.fetchesBegun { bench.succeed(["a"]) }
            }
            #expect(bench.cache.fetchesBegun - before == 2)
            #expect(bench.ask(ExactText("late-\(cooldown)"), from: UInt64(cooldown)) == .keys(0))
            bench.now += .seconds(10)
        }
        #expect(bench.cache.status(at: bench.now).refusedRefetches == 3)
    }

    @Test func answersARecentSetsWordToThoseWhoMayCauseNoFetch() {
        var bench = CacheBench(keys: ["a"])
        exhaustSlots(of: &bench)
        #expect(bench.ask("x", from: 3) == .keys(0))
    }

    @Test func neverSaysNoSuchKeyAfterAFailedFetch() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question("b")
        #expect(bench.ask(question) == .wait(2))
        bench.fail()
        #expect(bench.ask(question) == .unavailable("connection refused"))
        #expect(bench.ask("c", from: 2) == .wait(3))
        bench.fail()
        #expect(bench.ask("d", from: 3) == .unavailable("connection refused"))
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func saysNothingOfAKnownAbsenceWhileTheIssuerIsDown() {
        var bench = CacheBench(keys: ["a"])
        settle("x", in: &bench)
        #expect(bench.ask("x", from: 2) == .keys(0))
        bench.now += .seconds(5)
        #expect(bench.ask("y", from: 3) == .wait(3))
        bench.fail()
        #expect(bench.ask("x", from: 2) == .unavailable("connection refused"))
    }

    @Test func asksOnceForAKidThatIsNotThereUntilTheSetChanges() {
        var bench = CacheBench(keys: ["a"])
        settle("x", in: &bench)
        bench.now += .seconds(15)
        #expect(bench.ask("x", from: 2) == .keys(0))
        #expect(bench.cache.fetchesBegun == 2)
        settle("y", from: 3, finding: ["a", "b"], in: &bench)
        #expect(bench.ask("x", from: 2) == .wait(4))
    }

    @Test func takesNoKidForAbsentBecauseAFetchFailed() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question("b")
        #expect(bench.ask(question) == .wait(2))
        bench.fail()
        #expect(bench.ask(question) == .unavailable("connection refused"))
        bench.now += .seconds(11)
        #expect(bench.ask("b", from: 2) == .wait(3))
    }

    @Test(arguments: [(10, 60), (50, 300), (60, 300)])
    func takesAKidForAbsentForSixCooldownsButNoLongerThanUntilTheNextRefresh(cooldown: Int, seconds: Int) {
        var absent = AbsentKeys(cooldown: .seconds(cooldown), longest: .seconds(300))
        let name = AbsentKeys.Name(IssuerKeyQuery(keyID: "b", algorithm: .rs256))
        absent.insert(name, at: .zero)
        #expect(absent.contains(name, at: .seconds(seconds) - .milliseconds(1)))
        #expect(!absent.contains(name, at: .seconds(seconds)))
    }

    @Test func asksAgainAfterAMinuteForAKidThatWasUsedTooEarly() {
        var bench = CacheBench(keys: ["a"])
        settle("early", in: &bench)
        bench.now += .seconds(59)
        #expect(bench.ask("early", from: 2) == .keys(0))
        bench.now += .seconds(1)
        #expect(bench.ask("early", from: 2) == .wait(3))
    }

    @Test func barsASourceForLongerAndLongerAndForgivesIt() {
        var budget = RefetchBudget(cooldown: .seconds(10))
        let source = RequestSource(network: 1)
        var now = Duration.zero
        for bar in [10, 20, 40, 80, 160, 320, 320] {
            #expect(budget.take(for: source, at: now) == true)
            budget.recordFruitless(source, at: now)
            #expect(budget.take(for: source, at: now + .seconds(bar) - .milliseconds(1)) == false)
            now += .seconds(bar)
        }
        budget.recordFruitless(source, at: now)
        now += .seconds(640)
        #expect(budget.take(for: source, at: now) == true)
        budget.recordFruitless(source, at: now)
        now += .seconds(10)
        #expect(budget.take(for: source, at: now) == true)
        budget.recordFruitful(source)
        #expect(budget.recordCount == 0)
    }

    @Test func keepsTheReservedSlotForSourcesWithoutARecord() {
        var budget = RefetchBudget(cooldown: .seconds(10))
        let (noisy, quiet) = (RequestSource(network: 1), RequestSource(network: 2))
        #expect(budget.take(for: noisy, at: .zero) == true)
        budget.recordFruitless(noisy, at: .zero)
        // It is no longer barred, but on record: the general slot only.
        #expect(budget.take(for: noisy, at: .seconds(10)) == true)
        #expect(budget.take(for: noisy, at: .seconds(11)) == false)
        #expect(budget.take(for: quiet, at: .seconds(11)) == true)
        #expect(budget.take(for: RequestSource(network: 3), at: .seconds(11)) == false)
    }

    @Test func answersABarredSourceFromTheLatestSet() {
        var bench = CacheBench(keys: ["a"])
        settle("x", in: &bench)
        bench.now += .seconds(10)
        settle("y", in: &bench)
        bench.now += .seconds(9)
        #expect(bench.ask("z") == .keys(0))
        bench.now += .seconds(1)
        #expect(bench.ask("z") == .keys(0))
        #expect(bench.ask("z", from: 2) == .wait(4))
    }

    @Test func boundsItsTables() {
        var absent = AbsentKeys(cooldown: .seconds(10), longest: .seconds(300))
        func name(_ number: Int, _ algorithm: SignatureAlgorithm = .rs256) -> AbsentKeys.Name {
            AbsentKeys.Name(IssuerKeyQuery(keyID: ExactText("\(number)"), algorithm: algorithm))
        }
        for number in 0..<(AbsentKeys.limit + 50) { absent.insert(name(number), at: .milliseconds(number)) }
        #expect(absent.count == AbsentKeys.limit)
        #expect(!absent.contains(name(49), at: .seconds(2)))
        #expect(absent.contains(name(50), at: .seconds(2)) && !absent.contains(name(50, .es256), at: .seconds(2)))
        var budget = RefetchBudget(cooldown: .seconds(10))
        for number in 0..<(RefetchBudget.sourceLimit + 50) {
            budget.recordFruitless(RequestSource(network: UInt64(number)), at: .milliseconds(number))
        }
        #expect(budget.recordCount == RefetchBudget.sourceLimit)
    }

    @Test func healsARotationForOthersWithinACooldownOfAFloodFromOneSource() {
        var bench = CacheBench(keys: ["a"])
        var keys = ["a"]
        var healedAt: Duration?
        let rotation = bench.now + .seconds(25)
        for step in 0..<600 {
            bench.now += .milliseconds(100)
            if bench.now >= rotation { keys = ["a", "b"] }
            for kid in 0..<5 { _ = bench.ask(ExactText("random-\(step)-\(kid)"), from: 666) }
            if bench.cache.fetchesEnded < bench.cache.fetchesBegun { bench.succeed(keys) }
            if bench.now >= rotation, healedAt == nil {
                let question = bench.question("b", from: 7)
                if case .wait = bench.ask(question) { bench.succeed(keys) }
                if bench.ask(question) == .keys(1) { healedAt = bench.now }
            }
        }
        #expect(healedAt.map { $0 - rotation <= .seconds(10) } == true)
        #expect(bench.cache.fetchesBegun <= 14)
    }

    /// A fetch for `keyID` that does not bring it.
    private func settle(
        _ keyID: ExactText, from source: UInt64 = 1, finding keys: [String] = ["a"], in bench: inout CacheBench
    ) {
        let question = bench.question(keyID, from: source)
        #expect(bench.ask(question) == .wait(bench.cache.fetchesEnded + 1))
        bench.succeed(keys)
        #expect(bench.ask(question) == .keys(0))
    }

    private func exhaustSlots(of bench: inout CacheBench) {
        settle("general", from: 1, in: &bench)
        settle("reserved", from: 2, in: &bench)
    }
}
