import JOSE
import TestSupport
import Testing
import TokenExchange

/// No number from outside can make a time that traps when it is used.
@Suite struct TimeBoundsTests {
    static let extremes: [Double] = [
        0, -0.0, 1, -1, 0.0005, -0.0005, 1e308, -1e308, 9_007_199_254_740_991, 9_007_199_254_740_992,
        -9_007_199_254_740_992,
        9_223_372_036_854_775_808, -9_223_372_036_854_775_808, 18_446_744_073_709_551_616, .infinity, -.infinity, .nan,
        .leastNonzeroMagnitude, 253_402_300_799, 253_402_300_800, -62_135_596_800, -62_135_596_801, -1_764_003_600,
    ]
    private static let integers: [Int64] = [
        .min, .min + 1, -1, 0, 1, .max - 1, .max, 253_402_300_799_999, -62_135_596_800_001,
    ]
    private static let durations: [Duration] = [
        .zero, .seconds(1), .seconds(-1), .seconds(Int64.max), .seconds(Int64.min), .nanoseconds(1), .seconds(86_400),
    ]

    private static var times: [UnixTime] {
        extremes.map(UnixTime.init(seconds:)) + integers.map(UnixTime.init(milliseconds:))
    }

    /// All that is ever done with a time.
    private func use(_ time: UnixTime) {
        #expect(UnixTime(seconds: -62_135_596_800) <= time && time <= UnixTime(seconds: 1e300))
        #expect(abs(time.wholeSeconds) < 1 << 40 && abs(time.milliseconds) < 1 << 50)
        #expect(time.text.count == 24 && time.shortText.count == 20)
        #expect(1...9999 ~= CalendarTime(time).year)
        #expect(UnixTime(milliseconds: time.milliseconds) == UnixTime(milliseconds: time.milliseconds))
    }

    @Test func everyTimeCanBeUsed() {
        for time in Self.times { use(time) }
    }

    @Test func everySumAndDifferenceCanBeUsed() {
        for time in Self.times {
            for other in Self.times { #expect(abs((time - other).inSeconds) < 1e12) }
            for duration in Self.durations {
                use(time + duration)
                use(time - duration)
                use(time.advanced(by: duration))
            }
        }
    }

    @Test(arguments: [(-1, false), (0, true), (UnixTime.lastSecond, true), (UnixTime.lastSecond + 1, false)])
    func readsStoredTimesFrom1970ToTheEndOfTheYear9999(second: Int64, isRead: Bool) {
        #expect((UnixTime(storedSeconds: second) != nil) == isRead)
        #expect((UnixTime(storedMilliseconds: second * 1000) != nil) == isRead)
    }

    @Test func readsItsOwnTextFrom1970On() {
        for time in Self.times where time >= UnixTime(seconds: 0) {
            #expect(UnixTime(time.text) == UnixTime(milliseconds: time.milliseconds))
        }
    }

    /// A token's times end up in sums with skews and lifetimes, in differences for the log, in explanations and in
    /// records.
    @Test func checksEveryTimeInATokenByItsRule() async throws {
        let literals =
            Self.extremes.filter(\.isFinite).map { "\($0)" } + Self.integers.map { "\($0)" } + [
                "1e400", "-1e400", "1e-400", "1e999999999", "1e99999999999999999999", "9007199254740992",
                "253402300800",
            ]
        let bench = ExchangeBench(rules: TenantRules(maximumAge: nil))
        for name in ["exp", "iat", "nbf"] as [ExactText] {
            for literal in literals {
                let token = try bench.token.claim(name, .number(literal: literal)).signed(by: TestKeys.rs256)
                let outcome = await bench.exchange(token)
                #expect((outcome.refusal == nil) == (outcome.externalIdentity != nil), "\(name): \(literal)")
                let explanation = await bench.explain(
                    IdentityToken(bytes: token), for: bench.providers[0], at: bench.clock.now, within: .seconds(1))
                #expect(explanation.isAllowed == (outcome.refusal == nil))
            }
        }
    }

    /// Anyone who can write to the store can write any number.
    @Test func acceptsEveryNumberInAStoredRevocation() async throws {
        let clock = ManualClock()
        let store = ExtremeRevocationStore(times: Self.times)
        let bench = ExchangeBench(clock: clock, revocationStore: store)
        await bench.revocations.refresh()
        #expect(bench.revocations.count == Self.times.count)
        store.isLost = true
        for _ in 0..<3 { await bench.revocations.refresh() }
        _ = bench.revocations.isRevoked(keyID: "k")
        for revocation in store.added {
            use(revocation.issuedBefore)
            use(revocation.endsAt)
        }
        #expect(!store.added.isEmpty)
    }
}

/// A store that first lists times of all kinds, then nothing.
private final class ExtremeRevocationStore: RevocationStore, @unchecked Sendable {
    private let times: [UnixTime]
    var isLost = false
    var added: [Revocation] = []

    init(times: [UnixTime]) {
        self.times = times
    }

    func add(_ revocation: Revocation, within budget: Duration) { added.append(revocation) }

    func checkRevocations(within budget: Duration) {}

    func revocations(unless version: ExactText?, within budget: Duration) -> StoredRevocations? {
        let listed = times.enumerated().compactMap { number, time in
            CohortLabel("key_id:\(number)").map { Revocation(cohort: $0, issuedBefore: time, endsAt: time) }
        }
        return StoredRevocations(version: isLost ? "2" : "1", revocations: isLost ? [] : listed)
    }
}
