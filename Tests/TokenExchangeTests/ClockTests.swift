import TestSupport
import Testing
import TokenExchange

/// What is reported about clocks that differ.
@Suite struct ClockTests {
    /// A tenant's tokens, and what they say of its issuer's clock.
    private final class Scene {
        let clocks = IssuerClocks()
        let bench: ExchangeBench

        init() { bench = ExchangeBench(rules: TenantRules(maximumAge: nil), clocks: clocks) }

        var offset: Duration? { clocks.offset(of: "acme-staging", at: bench.clock.now) }

        func exchange(issuedAfter seconds: Int64) async throws {
            try await exchange(issuedAt: bench.clock.now.wholeSeconds + seconds)
        }

        func exchange(issuedAt seconds: Int64) async throws {
            _ = try await bench.exchange(bench.token.claim("iat", .number(literal: String(seconds))))
        }
    }

    @Test func followsTheIssuersClockByItsFreshestTokens() async throws {
        let scene = Scene()
        #expect(scene.offset == nil)
        try await scene.exchange(issuedAfter: -2)
        try await scene.exchange(issuedAfter: -90)
        #expect(scene.offset == .seconds(-2))
        try await scene.exchange(issuedAfter: 45)
        #expect(scene.offset == .seconds(45), "a refused token counts, too")
        scene.bench.clock.advance(by: .seconds(300))
        try await scene.exchange(issuedAfter: -1)
        #expect(scene.offset == .seconds(45))
        scene.bench.clock.advance(by: .seconds(300))
        try await scene.exchange(issuedAfter: -1)
        #expect(scene.offset == .seconds(-1), "a corrected clock shows within two windows")
        #expect(scene.clocks.offset(of: "other-realm", at: scene.bench.clock.now) == nil)
    }

    @Test func saysNothingOfAClockFromBeforeASilence() async throws {
        let scene = Scene()
        try await scene.exchange(issuedAfter: 20)
        scene.bench.clock.advance(by: .seconds(900))
        #expect(scene.offset == nil, "nobody has logged in since")
        try await scene.exchange(issuedAfter: -1)
        #expect(scene.offset == .seconds(-1))
    }

    /// In a quiet shop, an associate's app may send a token of this morning, and nobody else logs in.
    @Test func doesNotTakeAnOldTokenForAClock() async throws {
        let scene = Scene()
        try await scene.exchange(issuedAfter: -6)
        #expect(scene.offset == nil)
        let morning = scene.bench.clock.now.wholeSeconds - 7200
        for _ in 0..<5 {
            try await scene.exchange(issuedAt: morning)
            scene.bench.clock.advance(by: .seconds(10))
        }
        #expect(scene.offset == nil, "the same token again is no further witness")
        try await scene.exchange(issuedAfter: -5)
        #expect(scene.offset == .seconds(-5), "a small delay shows that the clocks agree")
    }

    /// Nothing else explains that logins of a minute all seem equally old.
    @Test(arguments: [(30, -120), (29, nil)])
    func believesThreeTokensThatAgreeOverAMinute(pause: Int, offset: Int?) async throws {
        let scene = Scene()
        for delay: Int64 in [-120, -120, -120] {
            #expect(scene.offset == nil)
            try await scene.exchange(issuedAfter: delay)
            scene.bench.clock.advance(by: .seconds(pause))
        }
        #expect(scene.offset == offset.map { .seconds($0) })
    }

    @Test func doesNotBelieveOldTokensThatDisagree() async throws {
        let scene = Scene()
        for delay: Int64 in [-120, -126, -132, -140] {
            try await scene.exchange(issuedAfter: delay)
            scene.bench.clock.advance(by: .seconds(40))
        }
        #expect(scene.offset == nil)
    }

    @Test func learnsNothingFromForgeries() async throws {
        let clocks = IssuerClocks()
        let bench = ExchangeBench(clocks: clocks)
        _ = await bench.exchange(try bench.token.signed(by: TestKeys.stranger))
        #expect(clocks.offset(of: "acme-staging", at: bench.clock.now) == nil)
    }

    @Test(arguments: [
        ("exp", -100, Refusal.expired, 100), ("nbf", 100, .notYetValid, -100), ("iat", 100, .issuedInFuture, -100),
        ("iat", -4000, .tooOld, 4000),
    ])
    func saysHowFarTheClocksDiffer(claim: String, offset: Int64, refusal: Refusal, difference: Int) async throws {
        let bench = ExchangeBench()
        let time = JSONValue.number(literal: String(bench.clock.now.wholeSeconds + offset))
        guard
            case .refused(refusal, let clockDifference) = try await bench.exchange(
                bench.token.claim(ExactText(claim), time))
        else {
            Issue.record("not refused as \(refusal)")
            return
        }
        #expect(clockDifference == .seconds(difference))
    }
}
