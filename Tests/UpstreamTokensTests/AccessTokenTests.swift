import TestSupport
import Testing
import TokenExchange
import UpstreamTokens

/// The access token that a service asks for before its own call, at a clock that stands still.
@Suite struct AccessTokenTests {
    @Test func isFetchedAgainATenthOfItsLifeBeforeItExpires() async throws {
        let clock = ManualClock()
        let access = try await FakeUpstream.start(.body(#"{"token":"first","expires_in":100}"#))
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(), headers: [UpstreamField(name: "X-Access", source: .accessToken)],
            access: UpstreamAccess(
                endpoint: UpstreamEndpoint(
                    url: ExactText(access.url), tokenAt: JSONPointer("/token")!,
                    expiry: .inSeconds(JSONPointer("/expires_in")!)), headers: [], body: []), time: clock.time)
        for (second, requests) in [(0, 1), (89, 1), (90, 2)] {
            clock.advance(by: .seconds(second) - clock.time.elapsed())
            _ = try await upstream.token()
            #expect(access.requestCount == requests)
        }
        try await upstream.end()
        try await access.stop()
    }
}
