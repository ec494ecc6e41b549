import JOSE
import TestSupport
import Testing
import TokenExchange

@Suite struct ExchangeReportTests {
    private func report(of token: [UInt8], by bench: ExchangeBench, provider: Int = 0) async -> ExchangeReport {
        let request = ExchangeRequest(
            identityToken: IdentityToken(bytes: token), device: "till-1", provider: bench.providers[provider],
            arrivedAt: bench.clock.time.elapsed())
        _ = await bench.exchange(request)
        return request.report
    }

    @Test func tellsALoginAndItsReplayApart() async throws {
        let bench = ExchangeBench()
        let token = try bench.token.signed(by: TestKeys.rs256)
        let (login, replay) = (await report(of: token, by: bench), await report(of: token, by: bench))
        #expect(!login.facts.isReplay && replay.facts.isReplay)
        #expect(login.facts.externalIdentity != nil)
        #expect(login.facts.externalIdentity == replay.facts.externalIdentity)
        #expect(login.identityToken.bytes == token && login.device == "till-1")
    }

    @Test func hasEachPhaseOnceAndInOrder() async throws {
        let bench = ExchangeBench()
        let steps = await report(of: try bench.token.signed(by: TestKeys.rs256), by: bench).facts.steps
        #expect(steps.map(\.phase) == [.verify, .mint, .store])
        #expect(steps.allSatisfy { $0.start <= $0.end })
    }

    @Test func saysWhoseTokenItIsOnlyOnceThatIsProved() async throws {
        let bench = ExchangeBench(providers: [
            .vipLoyalty(conditions: [ClaimCondition(claim: ClaimPath("brand"), test: .equals(.string("other")))])
        ])
        let genuine = await report(of: try bench.token.signed(by: TestKeys.rs256), by: bench).facts
        #expect(genuine.subject == "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55" && genuine.tenant == "acme-staging")
        #expect(genuine.externalIdentity == nil)
        var spoiled = try bench.token.signed(by: TestKeys.rs256)
        spoiled[spoiled.count - 20] =
            spoiled[spoiled.count - 20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let refused = await report(of: spoiled, by: bench).facts
        #expect(refused.subject == nil && refused.tenant == nil && refused.steps.map(\.phase) == [.verify])
    }
}
