import IssuerKeys
import TestSupport
import Testing
import TokenExchange

/// What a signature that the key of its `kid` finds bad may cause: the issuer may have a new key under an old name.
@Suite struct BadSignatureTests {
    @Test func findsANewKeyUnderAnOldNameWithOneFetch() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question("a", rejecting: ["a"])
        #expect(bench.ask(question) == .wait(2))
        #expect(bench.cache.nextStep(at: bench.now) == .fetch)
        bench.succeed(["a:other"])
        #expect(bench.ask(question) == .keys(1))
        #expect(bench.cache.fetchesBegun == 2)
        #expect(bench.ask("a") == .keys(1))
    }

    @Test func fetchesNothingWhereTheSetHasChangedMeanwhile() {
        var bench = CacheBench(keys: ["a:new"])
        #expect(bench.ask(bench.question("a", rejecting: ["old"])) == .keys(1))
        #expect(bench.cache.fetchesBegun == 1)
    }

    @Test func findsANewKeyThatATokenDoesNotName() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question(nil, rejecting: ["a"])
        #expect(bench.ask(question) == .wait(2))
        bench.succeed(["b"])
        #expect(bench.ask(question) == .keys(1))
    }

    @Test func saysNoWhereTheFetchBringsTheSameKeyAgain() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question("a", rejecting: ["a"])
        #expect(bench.ask(question) == .wait(2))
        bench.succeed(["a"])
        #expect(bench.ask(question) == .keys(0))
        #expect(bench.ask("a") == .keys(1), "the key itself is as good as before")
    }

    /// Unknown kids and bad signatures come out of one purse.
    @Test func sharesTheBudgetOfUnknownKids() {
        var bench = CacheBench(keys: ["a"])
        #expect(bench.ask("x", from: 1) == .wait(2))
        bench.succeed(["a"])
        #expect(bench.ask(bench.question("a", rejecting: ["a"], from: 2)) == .wait(3))
        bench.succeed(["a"])
        #expect(bench.ask(bench.question("a", rejecting: ["a"], from: 3)) == .keys(0))
        #expect(bench.ask("y", from: 4) == .keys(0))
        #expect(bench.cache.fetchesBegun == 3)
        #expect(bench.cache.status(at: bench.now).refusedRefetches == 2)
    }

    @Test func makesNoStormOfAFloodAndKeepsNoRotationOut() {
        var bench = CacheBench(keys: ["a"])
        var keys = ["a"]
        var healedAt: Duration?
        let (start, rotation) = (bench.now, bench.now + .seconds(25))
        for step in 0..<600 {
            bench.now += .milliseconds(100)
            if bench.now >= rotation { keys = ["a:new"] }
            // Each from its own address, so none is barred.
            for number in 0..<5 {
                _ = bench.ask(bench.question("a", rejecting: ["a", "new"], from: UInt64(step * 10 + number)))
            }
            if bench.cache.fetchesEnded < bench.cache.fetchesBegun { bench.succeed(keys) }
            if healedAt == nil, bench.ask(bench.question("a", rejecting: ["a"], from: 1)) == .keys(1) {
                healedAt = bench.now
            }
        }
        #expect(healedAt.map { $0 - rotation <= .seconds(10) } == true)
        let cooldowns = Int((bench.now - start) / .seconds(10))
        #expect(bench.cache.fetchesBegun <= 2 * cooldowns + 2)
    }

    /// What somebody makes up under a name that exists must not keep others from asking.
    @Test func remembersNothingOfAName() {
        var bench = CacheBench(keys: ["a"])
        let question = bench.question("a", rejecting: ["a"])
        _ = bench.ask(question)
        bench.succeed(["a"])
        #expect(bench.ask(question) == .keys(0))
        bench.now += .seconds(10)
        let other = bench.question("a", rejecting: ["a"], from: 2)
        #expect(bench.ask(other) == .wait(3))
        bench.succeed(["a:new"])
        #expect(bench.ask(other) == .keys(1))
    }
}
