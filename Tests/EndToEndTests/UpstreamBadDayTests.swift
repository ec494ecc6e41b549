import Foundation
import TestSupport
import Testing
import TokenExchange

/// Internal services that fail, stall, or send too much.
@Suite(.serialized) struct UpstreamBadDayTests {
    private typealias Settings = CountersignProcess.Settings

    struct BadDay: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: FakeHTTPServer.Answer
        let status: Int
        let code: String
    }

    static let badDays = [
        BadDay(testDescription: "403", answer: .body("MARKERBODY", status: 403), status: 502, code: "upstream_refused"),
        BadDay(
            testDescription: "no token", answer: .body(#"{"x":"MARKERBODY"}"#), status: 502, code: "upstream_refused"),
        BadDay(testDescription: "1 GB", answer: .endless, status: 502, code: "upstream_refused"),
        BadDay(
            testDescription: "500", answer: .body("MARKERBODY", status: 500), status: 503, code: "upstream_unavailable"),
        BadDay(testDescription: "cut off", answer: .cutOff, status: 503, code: "upstream_unavailable"),
        BadDay(testDescription: "drips", answer: .drip, status: 504, code: "deadline_exceeded"),
        BadDay(testDescription: "silence", answer: .silence, status: 504, code: "deadline_exceeded"),
    ]

    @Test(arguments: badDays)
    func shieldsLoginsFromABadDay(day: BadDay) async throws {
        let fake = try await FakeUpstream.start(day.answer)
        let token = UpstreamScene.upstream(fake)
        let service = try await UpstreamScene.start(
            Settings.provider("points", token: token, more: ", deadline: 700ms")
                + Settings.provider("second", mode: "optional", token: token, more: ", deadline: 700ms"))[0]
        let start = ContinuousClock.now
        let strict = try service.exchange(ModelToken.fresh(), provider: "points")
        #expect(strict.status == day.status && strict.errorCode == day.code, "\(strict.status) \(strict.text)")
        let easy = try service.exchange(ModelToken.fresh(), provider: "second")
        #expect(easy.status == 200 && easy.text == #"{"external_identity":null}"#)
        #expect(easy.headers["countersign-degraded"] == day.code)
        #expect(ContinuousClock.now - start < .milliseconds(1900), "the service would have had 2 s each")
        #expect(!strict.text.contains("MARKER"))
        fake.set(.freshToken())
        #expect(try service.exchange(ModelToken.fresh(), provider: "points").status == 200)
        #expect(try await service.terminate() == 0)
        #expect(!service.log.contains("MARKER") && service.log.contains(day.code))
        try await fake.stop()
    }

    @Test func staysSmallHoweverMuchTheServiceSends() async throws {
        let fake = try await FakeUpstream.start()
        let service = try await UpstreamScene.start(Settings.provider("points", token: UpstreamScene.upstream(fake)))[0]
        #expect(try service.exchange(ModelToken.fresh(), device: "first", provider: "points").status == 200)
        let before = try service.peakMemory()
        fake.set(.endless)
        for number in 0..<50 {
            let answer = try service.exchange(ModelToken.fresh(), device: "till-\(number)", provider: "points")
            #expect(answer.errorCode == "upstream_refused")
        }
        // 50 answers that were read as far as sockets carry them would take some hundred megabytes.
        #expect(try service.peakMemory() - before < 32 << 20)
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    @Test func opensTheCircuitOfOneProviderAlone() async throws {
        let (down, up) = (try await FakeUpstream.start(.body("", status: 500)), try await FakeUpstream.start())
        let service = try await UpstreamScene.start(
            Settings.provider("points", token: UpstreamScene.upstream(down))
                + Settings.provider("second", token: UpstreamScene.upstream(up)))[0]
        for _ in 0..<20 {
            #expect(try service.exchange(ModelToken.fresh(), provider: "points").errorCode == "upstream_unavailable")
        }
        #expect(down.requestCount == 5)
        #expect(try service.exchange(ModelToken.fresh(), provider: "second").status == 200)
        let readiness = try service.readiness()
        #expect(readiness.status == 200)
        #expect(readiness.text.contains(#""upstream.points":{"status":"degraded""#), "\(readiness.text)")
        #expect(readiness.text.contains(#""upstream.second":{"status":"ready""#))
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains(#"countersign_upstream_breaker_open{identity_provider="points"} 1"#))
        #expect(metrics.contains(#"countersign_upstream_calls_total{identity_provider="points"} 5"#))
        // It closes again by itself.
        down.set(.freshToken())
        try await eventually("a login") { try service.exchange(ModelToken.fresh(), provider: "points").status == 200 }
        #expect(try await service.terminate() == 0)
        try await down.stop()
        try await up.stop()
    }

    /// 500 logins of 500 associates wait for a slow service; logins of another provider go on beside them.
    @Test func servesFiveHundredLoginsAndSlowsNoOtherProvider() async throws {
        let fake = try await FakeUpstream.start()
        fake.delay(.milliseconds(200))
        let service = try await UpstreamScene.start(
            Settings.provider("points", token: UpstreamScene.upstream(fake, more: ", connections: 128"))
                + Settings.provider("vip-loyalty"), limits: "{ requests_per_second: 0, connections_per_source: 0 }")[0]
        let tokens = try (0..<500).map { number in
            try ModelToken.current.claim("sub", .string("associate-\(number)")).signed(by: TestKeys.rs256)
        }
        let crowd = try tokens.map { _ in try service.connect() }
        let neighbour = try service.connect()
        for (connection, token) in zip(crowd, tokens) { try connection.login(token, "till", "points") }
        var latencies: [Duration] = []
        for _ in 0..<100 {
            let token = try ModelToken.fresh()
            let start = ContinuousClock.now
            try neighbour.login(token, "till", "vip-loyalty")
            #expect(try neighbour.answer().status == 200)
            latencies.append(ContinuousClock.now - start)
        }
        let identities = try crowd.map { try $0.answer().externalIdentity }
        #expect(Set(identities.compactMap(\.self)).count == 500)
        #expect(fake.requestCount == 500)
        #expect(fake.connectionCount <= 128)
        // Whoever stood in line behind the slow service would have waited for at least one of its answers.
        #expect(latencies.sorted()[50] < .milliseconds(200))
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }
}
