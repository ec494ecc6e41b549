import CountersignHTTP
import Foundation
import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite struct RateLimiterTests {
    private let clock = ManualClock()
    private let source = RequestSource(network: 1)

    private func limiter(rate: Int = 10, burst: Int = 5, sources: Int = 10) -> RateLimiter {
        RateLimiter(limits(rate: rate, burst: burst, sources: sources), time: clock.time)
    }

    private func limits(rate: Int = 10, burst: Int = 5, sources: Int = 10) -> RateLimiter.Limits {
        RateLimiter.Limits(requestsPerSecond: rate, burst: burst, sources: sources)
    }

    /// How many of `count` refusals `source` can afford.
    private func affordable(_ limiter: RateLimiter, _ count: Int, _ source: RequestSource? = nil) -> Int {
        (0..<count).count { _ in (try? limiter.spend(source ?? self.source, reason: "x")) != nil }
    }

    private func isBarred(_ limiter: RateLimiter, _ source: RequestSource? = nil) -> Bool {
        (try? limiter.check(source ?? self.source)) == nil
    }

    @Test func takesNothingForWhatIsNotRefused() throws {
        let limiter = limiter(burst: 1)
        for _ in 0..<1000 { try limiter.check(source) }
        #expect(affordable(limiter, 2) == 1)
    }

    @Test func barsASourceOnceItsBurstIsSpentUntilAPartIsBack() throws {
        let limiter = limiter()
        #expect(affordable(limiter, 4) == 4)
        try limiter.check(source)
        try limiter.spend(source, reason: "the last one")
        let bar = try #require(throws: RateLimiter.Bar.self) { try limiter.check(source) }
        #expect(bar.wait == .milliseconds(100) && bar.reason == "the last one")
        #expect(throws: bar) { try limiter.spend(source, reason: "another") }
        clock.advance(by: .milliseconds(99))
        #expect(isBarred(limiter))
        clock.advance(by: .milliseconds(1))
        try limiter.check(source)
        #expect(affordable(limiter, 5) == 1)
    }

    @Test func isNotBarredAnyLongerByWhatComesWhileItIs() {
        let limiter = limiter()
        #expect(affordable(limiter, 5) == 5)
        for _ in 0..<9 {
            clock.advance(by: .milliseconds(10))
            #expect(affordable(limiter, 100) == 0)
        }
        clock.advance(by: .milliseconds(10))
        #expect(affordable(limiter, 100) == 1)
    }

    @Test func growsByItsRateAndNoFurtherThanItsBurst() {
        let limiter = limiter()
        #expect(affordable(limiter, 9) == 5)
        clock.advance(by: .milliseconds(300))
        #expect(affordable(limiter, 9) == 3)
        clock.advance(by: .seconds(3600))
        #expect(affordable(limiter, 9) == 5)
    }

    @Test func countsRefusalsInParallelExactly() {
        let limiter = limiter(burst: 100)
        let afforded = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2000) { _ in
            afforded.wrappingAdd(affordable(limiter, 1), ordering: .relaxed)
        }
        #expect(afforded.load(ordering: .relaxed) == 100)
    }

    @Test func keepsSourcesApart() throws {
        let limiter = limiter(burst: 1)
        #expect(affordable(limiter, 2) == 1)
        #expect(affordable(limiter, 2, RequestSource(network: 2)) == 1)
        #expect(isBarred(limiter))
        // One without an address is never barred.
        for _ in 0..<9 { try limiter.spend(nil, reason: "x") }
        try limiter.check(nil)
    }

    @Test func remembersNoMoreThanTwiceItsLimitOfSources() {
        let limiter = limiter(burst: 1, sources: 2)
        for number in 1...5 { #expect(affordable(limiter, 1, RequestSource(network: UInt64(number))) == 1) }
        #expect(limiter.count == 3)
        #expect(isBarred(limiter, RequestSource(network: 5)) && isBarred(limiter, RequestSource(network: 4)))
        #expect(!isBarred(limiter, RequestSource(network: 1)), "forgotten, in favour of the caller")
    }

    @Test func staysSmallUnderAFloodFromEverywhere() {
        let limiter = limiter(sources: 100)
        var largest = 0
        for number in 0..<200_000 {
            _ = affordable(limiter, 1, RequestSource(network: UInt64(number)))
            largest = max(largest, limiter.count)
        }
        #expect(largest == 200)
    }

    @Test func isOffAtARateOfZero() throws {
        let limiter = limiter(rate: 0, burst: 1)
        #expect(affordable(limiter, 1000) == 1000)
        try limiter.check(source)
        for _ in 0..<10 { #expect(try guess(limiter, "a", found: nil) == nil) }
        #expect(try guess(limiter, "a", found: "a") == "a")
        #expect(limiter.count == 0)
    }

    @Test func keepsAllowancesUnlessTheLimitsAreOthers() {
        let limiter = limiter(burst: 1)
        #expect(affordable(limiter, 1) == 1)
        limiter.use(limits(burst: 1))
        #expect(isBarred(limiter))
        for other in [limits(burst: 2), limits(rate: 11, burst: 2), limits(rate: 11, burst: 2, sources: 11)] {
            limiter.use(other)
            #expect(affordable(limiter, 3) == 2)
        }
    }

    // MARK: - Verifiers

    private func guess(
        _ limiter: RateLimiter, _ id: ExactText, found: ExactText?, from source: RequestSource? = nil
    ) throws -> ExactText? {
        try limiter.verifier(claiming: [id], from: source ?? self.source, reason: "wrong") {
            found.map { Verifier(id: $0, identityProviders: [], revocation: .none) }
        }?.id
    }

    @Test func comparesNoMoreGuessesThanTheAllowanceHasRoomFor() throws {
        let limiter = limiter(rate: 1, burst: 3)
        for _ in 0..<3 { #expect(try guess(limiter, "a", found: nil) == nil) }
        let bar = try #require(throws: RateLimiter.Bar.self) { try guess(limiter, "a", found: "a") }
        #expect(bar.wait == .seconds(1) && bar.reason == "wrong")
        #expect(throws: bar) { try guess(limiter, "b", found: "b") }
        #expect(throws: bar) {
            try limiter.verifier(claiming: [], from: source, reason: "wrong") {
                Issue.record("looked at")
                return nil
            }
        }
        #expect(throws: bar) { try limiter.check(source) }
        #expect(try guess(limiter, "a", found: "a", from: RequestSource(network: 2)) == "a")
        clock.advance(by: .seconds(1))
        #expect(try guess(limiter, "a", found: "a") == "a")
        #expect(try guess(limiter, "a", found: nil) == nil)
        #expect(throws: bar) { try guess(limiter, "a", found: "a") }
    }

    @Test func comparesNoMoreOfThemInParallel() {
        let limiter = limiter(burst: 50)
        let compared = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2000) { _ in
            _ = try? limiter.verifier(claiming: ["a"], from: source, reason: "wrong") {
                compared.wrappingAdd(1, ordering: .relaxed)
                return nil
            }
        }
        #expect(compared.load(ordering: .relaxed) == 50)
    }

    @Test func takesNothingForGoodCredentialsHoweverManyComeAtOnce() {
        let limiter = limiter(burst: 1)
        let found = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2000) { _ in
            if (try? guess(limiter, "a", found: "a")) == "a" { found.wrappingAdd(1, ordering: .relaxed) }
        }
        #expect(found.load(ordering: .relaxed) == 2000)
        #expect(affordable(limiter, 2) == 1)
    }

    @Test func letsNobodyElseBarAVerifierWhereItIsKnown() throws {
        let limiter = limiter(rate: 1, burst: 3)
        #expect(try guess(limiter, "a", found: "a") == "a")
        #expect(affordable(limiter, 9) == 3)
        #expect(try guess(limiter, "a", found: "a") == "a", "bad tokens of its address are not its own")
        #expect(throws: RateLimiter.Bar.self) { try guess(limiter, "b", found: "b") }
        // Its own mistakes are.
        for _ in 0..<3 { #expect(try guess(limiter, "a", found: nil) == nil) }
        #expect(throws: RateLimiter.Bar.self) { try guess(limiter, "a", found: "a") }
        clock.advance(by: .seconds(1))
        #expect(affordable(limiter, 9) == 1)
        #expect(try guess(limiter, "a", found: "a") == "a")
    }

    @Test func comparesGuessesUnderAKnownIDNoMoreOftenThanOthers() throws {
        let limiter = limiter(rate: 1, burst: 3)
        #expect(try guess(limiter, "a", found: "a") == "a")
        for _ in 0..<3 { #expect(try guess(limiter, "a", found: nil) == nil) }
        #expect(throws: RateLimiter.Bar.self) { try guess(limiter, "a", found: nil) }
        #expect(isBarred(limiter))
    }
}
