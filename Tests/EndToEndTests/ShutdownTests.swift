import Foundation
import TestSupport
import Testing
import TokenExchange

/// How a service leaves: with notice, finishing what was begun, and in bounded time whatever others do.
@Suite struct ShutdownTests {
    private typealias Settings = CountersignProcess.Settings

    private func service(_ shutdown: String, _ change: (inout Settings) -> Void = { _ in }) async throws
        -> CountersignProcess
    {
        var settings = Settings()
        settings.shutdown = shutdown
        change(&settings)
        return try await CountersignProcess.start(settings)
    }

    /// - Returns: how long it took to end.
    private func leave(_ service: CountersignProcess) async throws -> Duration {
        let start = ContinuousClock.now
        service.signal(SIGTERM)
        #expect(try await service.exitStatus(within: .seconds(40)) == 0)
        return ContinuousClock.now - start
    }

    @Test func saysThatItIsLeavingAndServesOnUntilTheNoticeHasPassed() async throws {
        let service = try await service("{ notice: 3s, grace: 5s }")
        let kept = try service.connect()
        let start = ContinuousClock.now
        service.signal(SIGTERM)
        try await eventually("it says so") { try service.readiness().json["status"] as? String == "draining" }
        let readiness = try service.readiness()
        #expect(readiness.status == 503)
        #expect(ContinuousClock.now - start < .seconds(2), "it said so at once")
        for _ in 0..<2 {
            #expect(try service.exchange(try ModelToken.fresh()).status == 200, "on a connection that is new")
            let answer = try kept.request("GET", "/.well-known/jwks.json")
            #expect(answer.status == 200 && answer.headers["connection"] != "close")
        }
        #expect(try HTTPConnection(port: service.operationsPort).request("GET", "/livez").status == 200)
        #expect(try await service.exitStatus() == 0)
        #expect(ContinuousClock.now - start > .seconds(3))
    }

    @Test func endsTheNoticeAtASecondSignal() async throws {
        let service = try await service("{ notice: 300s, grace: 5s }")
        service.signal(SIGTERM)
        try await eventually("it says that it is leaving") { try service.readiness().status == 503 }
        #expect(try await leave(service) < .seconds(30))
    }

    @Test func leavesWithoutNoticeForSomebodyAtATerminal() async throws {
        let service = try await service("{ notice: 300s, grace: 5s }")
        service.signal(SIGINT)
        #expect(try await service.exitStatus() == 0)
    }

    /// What a client leaves undone, each on a connection that stays open.
    enum Client: CaseIterable {
        case idle, shakesNoHands, sendsHalfAHead, sendsHalfABody, readsNothing

        func misbehave(_ connection: HTTPConnection) throws {
            switch self {
            case .idle, .shakesNoHands: break
            case .sendsHalfAHead: try connection.send("POST /post_login_callback HTTP/1.1\r\nHost: x\r\nX-Half: ")
            case .sendsHalfABody:
                try connection.send(
                    "POST /post_login_callback/vip-loyalty HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        + "Content-Length: 1000\r\n\r\n{\"identity\":")
            case .readsNothing:
                let request = "GET /webview/countersign.v1.js HTTP/1.1\r\nHost: x\r\n\r\n"
                try connection.send(String(repeating: request, count: 600))
            }
        }
    }

    /// Without a bound these would take the ten minutes of `request_timeout`, or for ever.
    @Test(arguments: Client.allCases)
    func leavesInTimeWhateverItsClientsDo(client: Client) async throws {
        let certificate = try TestCertificate()
        let service = try await service("{ notice: 0s, grace: 1s }") {
            $0.limits = "{ requests_per_second: 0, request_timeout: 5m }"
            guard client == .shakesNoHands else { return }
            let (chain, key) = (certificate.file, certificate.keyFile)
            $0.listenMore = ", tls: { certificate_chain: \(chain), private_key: \(key) }"
        }
        let connections = try (0..<5).map { _ in try service.connect() }
        for connection in connections { try client.misbehave(connection) }
        try await eventually("they are accepted") {
            try service.metric(#"countersign_connections_accepted_total{listener="public"}"#) == 5
        }
        #expect(try await leave(service) < .seconds(10), "grace, two seconds more, and what a busy machine adds")
        withExtendedLifetime(connections) {}
    }

    @Test func leavesInTimeThoughServicesBehindItHang() async throws {
        let redis = try await RedisServer.start()
        let upstream = try await FakeUpstream.start()
        upstream.hold()
        let service = try await service("{ notice: 0s, grace: 1s }") { settings in
            settings.sessions = Settings.redis(redis, commandTimeout: "10s")
            let call = "kind: upstream, upstream: { url: \"\(upstream.url)\", token_at: /token, timeout: 30s }"
            settings.providers =
                Settings.provider("vip-loyalty", more: ", deadline: 30s")
                + Settings.provider("easy", mode: "optional", more: ", deadline: 500ms")
                + Settings.provider("points", token: call, more: ", deadline: 30s")
        }
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        let asking = try service.connect()
        try asking.login(try ModelToken.fresh(), "till-1", "points")
        try await eventually("the internal service is asked") { upstream.requestCount == 1 }
        redis.stop()
        let waiting = try service.connect()
        try waiting.login(try ModelToken.fresh(), "till-1", "vip-loyalty")
        #expect(try service.exchange(try ModelToken.fresh(), provider: "easy").externalIdentity != nil)
        #expect(try await leave(service) < .seconds(10))
        #expect(service.log.contains("sessions of optional providers were never written"))
        redis.resume()
        upstream.release()
        try await upstream.stop()
    }

    @Test(arguments: [true, false])
    func writesTheSessionsThatWaitForTheStoreBeforeItLeaves(isStoreBackBefore: Bool) async throws {
        let redis = try await RedisServer.start()
        var settings = Settings()
        settings.sessions = Settings.redis(redis, commandTimeout: "200ms")
        settings.shutdown = "{ notice: 0s, grace: 30s }"
        settings.providers = Settings.provider("easy", mode: "optional")
        settings.verifiers = [TestVerifier("backend", of: "easy")]
        let service = try await CountersignProcess.start(settings)
        redis.kill()
        let identities = try (0..<50).map { number in
            try #require(
                try service.exchange(try ModelToken.fresh(), device: "till-\(number)", provider: "easy")
                    .externalIdentity)
        }
        if isStoreBackBefore { try await redis.restart() }
        service.signal(SIGTERM)
        if !isStoreBackBefore {
            try await eventually("it is leaving") { try service.readiness().status == 503 }
            try await redis.restart()
        }
        #expect(try await service.exitStatus() == 0)
        let other = try await CountersignProcess.start(in: service.folder)
        for identity in identities {
            let answer = try other.introspect(identity, as: settings.verifiers[0])
            #expect(answer.json["active"] as? Bool == true && answer.json["session"] == nil, "\(answer.text)")
        }
    }
}
