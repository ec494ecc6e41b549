import TestSupport
import Testing
import TokenExchange

/// What is reported about clocks that differ.
@Suite struct ClockTests {
    @Test func followsTheIssuersClockByItsFreshestTokens() async throws {
        let clocks = IssuerClocks()
        let bench = ExchangeBench(rules: TenantRules(maximumAge: nil), clocks: clocks)
        func exchange(issuedAfter seconds: Int) async throws {
            let issuedAt = JSONValue.number(literal: String(bench.clock.now.wholeSeconds + Int64(seconds)))
            _ = try await bench.exchange(bench.token.claim("iat", issuedAt))
        }
        #expect(clocks.offset(of: "acme-staging") == nil)
        try await exchange(issuedAfter: -200)
        #expect(clocks.offset(of: "acme-staging") == .seconds(-200))
        try await exchange(issuedAfter: -2)
        try await exchange(issuedAfter: -90)
        #expect(clocks.offset(of: "acme-staging") == .seconds(-2))
        try await exchange(issuedAfter: 45)
        #expect(clocks.offset(of: "acme-staging") == .seconds(45), "a refused token counts, too")
        bench.clock.advance(by: .seconds(300))
        try await exchange(issuedAfter: -1)
        #expect(clocks.offset(of: "acme-staging") == .seconds(45))
        bench.clock.advance(by: .seconds(300))
        try await exchange(issuedAfter: -1)
        #expect(clocks.offset(of: "acme-staging") == .seconds(-1), "a corrected clock shows within two windows")
        #expect(clocks.offset(of: "other-realm") == nil)
    }

    @Test func saysNothingOfAClockFromBeforeASilence() async throws {
        let clocks = IssuerClocks()
        let bench = ExchangeBench(clocks: clocks)
        func exchange(issuedAfter seconds: Int64) async throws {
            let issuedAt = JSONValue.number(literal: String(bench.clock.now.wholeSeconds + seconds))
            _ = try await bench.exchange(bench.token.claim("iat", issuedAt))
        }
        try await exchange(issuedAfter: 20)
        bench.clock.advance(by: .seconds(900))
        try await exchange(issuedAfter: -1)
        #expect(clocks.offset(of: "acme-staging") == .seconds(-1))
    }

    @Test func learnsNothingFromForgeries() async throws {
        let clocks = IssuerClocks()
        let bench = ExchangeBench(clocks: clocks)
        _ = await bench.exchange(try bench.token.signed(by: TestKeys.stranger))
        #expect(clocks.offset(of: "acme-staging") == nil)
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
