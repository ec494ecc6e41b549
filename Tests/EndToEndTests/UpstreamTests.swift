import Foundation
import TestSupport
import Testing
import TokenExchange

/// Identity providers whose tokens come from the retailer's own services, which have their bad days.
@Suite(.serialized) struct UpstreamTests {
    private typealias Settings = CountersignProcess.Settings

    @Test func doesTheMainJobWithATokenOfAnotherService() async throws {
        let fake = try await FakeUpstream.start(.body(#"{"token":"a\"b\\c/+=","expires_in":600}"#))
        let service = try await UpstreamScene.start(Settings.provider("points", token: UpstreamScene.upstream(fake)))[0]
        let answer = try service.callback(
            #"{"deviceId":"till","identity":"\#(String(decoding: try ModelToken.fresh(), as: UTF8.self))"}"#,
            provider: "points",
            headers: [
                "X-Request-Id": "login-7", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            ])
        let token = try #require(answer.externalIdentity)
        #expect(token == #"a"b\c/+="#)
        let request = try #require(fake.requests.first)
        #expect(request.header("X-Api-Key") == "Key MARKERAPIKEY")
        #expect(request.header("X-Request-Id") == "login-7")
        #expect(request.header("traceparent") == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        #expect(request.body.hasPrefix(#"{"email":"jane.operator@example.com","subject_token":"ey"#))
        let session = try service.session(token)
        #expect(session.status == 200 && session.json["identity_provider"] as? String == "points")
        let form = try #require(token.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let introspection = try service.introspect(form, as: UpstreamScene.verifier)
        #expect(introspection.json["active"] as? Bool == true)
        #expect(introspection.json["email"] as? String == "jane.operator@example.com")
        #expect(
            try service.post("/revoke", form: "token=\(form)", authorization: UpstreamScene.verifier.basic).status
                == 200)
        #expect(try service.session(token).status == 401)
        #expect(try service.introspect(form, as: UpstreamScene.verifier).text == #"{"active":false}"#)
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    @Test(arguments: [
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "nonsense", "00-0-0-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    ])
    func passesNoMadeUpTraceOn(traceparent: String) async throws {
        let fake = try await FakeUpstream.start()
        let service = try await UpstreamScene.start(Settings.provider("points", token: UpstreamScene.upstream(fake)))[0]
        let body = #"{"identity":"\#(String(decoding: try ModelToken.fresh(), as: UTF8.self))"}"#
        let answer = try service.callback(
            body, provider: "points", headers: ["traceparent": traceparent, "X-Request-Id": "a b"])
        #expect(answer.status == 200)
        #expect(fake.requests[0].header("traceparent") == nil)
        #expect(fake.requests[0].header("X-Request-Id") == answer.headers["x-request-id"])
        #expect(fake.requests[0].header("X-Request-Id") != "a b")
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    // MARK: Replicas

    @Test func asksOnceForLoginsOnTwoReplicasAndKeepsTheTokenForTheNext() async throws {
        let redis = try await RedisServer.start()
        let fake = try await FakeUpstream.start()
        fake.delay(.milliseconds(300))
        let services = try await UpstreamScene.start(
            Settings.provider("points", token: UpstreamScene.upstream(fake)), sessions: UpstreamScene.redis(redis),
            replicas: 2)
        let tokens = try (0..<20).map { _ in try ModelToken.fresh() }
        let connections = try (0..<20).map { try services[$0 % 2].connect() }
        for (connection, token) in zip(connections, tokens) { try connection.login(token, "till", "points") }
        let first = try connections.map { try $0.answer().externalIdentity }
        #expect(Set(first).count == 1 && first[0] != nil)
        #expect(fake.requestCount == 1)
        // The next login on either, and retries of the first.
        for service in services {
            #expect(
                try service.exchange(ModelToken.fresh(), device: "till", provider: "points").externalIdentity
                    == first[0])
            #expect(try service.exchange(tokens[0], device: "till", provider: "points").externalIdentity == first[0])
            #expect(try service.session(first[0] ?? "").status == 200)
        }
        #expect(fake.requestCount == 1)
        #expect(
            try services[0].exchange(ModelToken.fresh(), device: "other", provider: "points").externalIdentity
                != first[0])
        // Nothing of it can be read where it is kept, or in a log.
        let markers = [first[0] ?? "-", "MARKERAPIKEY", "MARKERCACHESECRET", "jane.operator"]
        let dump = try redis.dump()
        #expect(dump.contains(":shared:"))
        for service in services { #expect(try await service.terminate() == 0) }
        for marker in markers { #expect(!dump.contains(marker) && !services[0].log.contains(marker)) }
        try await fake.stop()
    }

    @Test func keepsTokensOnWithTheSecretThatItStartedWith() async throws {
        let redis = try await RedisServer.start()
        let fake = try await FakeUpstream.start()
        let services = try await UpstreamScene.start(
            Settings.provider("points", token: UpstreamScene.upstream(fake)), sessions: UpstreamScene.redis(redis),
            replicas: 2)
        try FileManager.default.removeItem(atPath: "\(services[0].folder.path)/cache-secret")
        let identities = try services.map {
            try $0.exchange(ModelToken.fresh(), device: "till", provider: "points").externalIdentity
        }
        #expect(identities[0] != nil && identities[0] == identities[1])
        #expect(fake.requestCount == 1)
        // A reload says what a restart would run into, and changes nothing.
        services[0].signal(SIGHUP)
        try await eventually("a refused reload") { services[0].log.contains("sessions.cache_secret: expected") }
        let next = try services[0].exchange(ModelToken.fresh(), device: "till", provider: "points")
        #expect(next.externalIdentity == identities[0] && fake.requestCount == 1)
        for service in services { #expect(try await service.terminate() == 0) }
        try await fake.stop()
    }

    @Test func goesOnAloneWhenTheReplicaThatAskedIsKilled() async throws {
        let redis = try await RedisServer.start()
        let fake = try await FakeUpstream.start()
        let services = try await UpstreamScene.start(
            Settings.provider("points", token: UpstreamScene.upstream(fake)), sessions: UpstreamScene.redis(redis),
            replicas: 2)
        fake.hold()
        let doomed = try services[0].connect()
        try doomed.login(try ModelToken.fresh(), "till", "points")
        try await eventually("the first replica asks") { fake.requestCount == 1 }
        services[0].signal(SIGKILL)
        let start = ContinuousClock.now
        let waiting = try services[1].connect()
        try waiting.login(try ModelToken.fresh(), "till", "points")
        try await eventually("the second replica asks") { fake.requestCount == 2 }
        fake.release()
        #expect(try waiting.answer().externalIdentity != nil)
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(try await services[1].terminate() == 0)
        try await fake.stop()
    }

    // MARK: Reload

    @Test func takesUpAnotherServiceAtAReloadAndLosesNoCallUnderWay() async throws {
        let (old, new, down) = (
            try await FakeUpstream.start(), try await FakeUpstream.start(), try await FakeUpstream.start(.status(500))
        )
        let unchanged = Settings.provider("second", token: UpstreamScene.upstream(down))
        let service = try await UpstreamScene.start(
            Settings.provider("points", token: UpstreamScene.upstream(old)) + unchanged)[0]
        for _ in 0..<6 { _ = try service.exchange(ModelToken.fresh(), provider: "second") }
        #expect(down.requestCount == 5, "its breaker is open")
        old.hold()
        let early = try service.connect()
        try early.login(try ModelToken.fresh(), "till-1", "points")
        try await eventually("the old service is asked") { old.requestCount == 1 }
        let changed = Settings.provider("points", token: UpstreamScene.upstream(new, more: ", attempts: 1"))
        try service.folder.write("countersign.yaml", UpstreamScene.settings(changed + unchanged).yaml)
        service.signal(SIGHUP)
        try await eventually("a reload") { service.log.contains("configuration and keys reloaded") }
        #expect(try service.exchange(ModelToken.fresh(), device: "till-2", provider: "points").status == 200)
        #expect(old.requestCount == 1 && new.requestCount == 1)
        old.release()
        #expect(try early.answer().externalIdentity != nil)
        #expect(try service.exchange(ModelToken.fresh(), provider: "second").status == 503)
        #expect(down.requestCount == 5, "its breaker has stayed open")
        #expect(try await service.terminate() == 0)
        for fake in [old, new, down] { try await fake.stop() }
    }

    @Test func showsTheServicesOfTheMomentInItsMetrics() async throws {
        let fake = try await FakeUpstream.start()
        let (points, second) = (
            Settings.provider("points", token: UpstreamScene.upstream(fake)),
            Settings.provider("second", token: UpstreamScene.upstream(fake))
        )
        let service = try await UpstreamScene.start(points)[0]
        #expect(try service.exchange(ModelToken.fresh(), provider: "points").status == 200)
        let calls = [#"{identity_provider="points"} 1.0"#, #"{identity_provider="second"} 1.0"#]
        #expect(try service.upstreamCalls() == [calls[0]])
        func reload(_ providers: String, count: Int) async throws {
            try service.folder.write("countersign.yaml", UpstreamScene.settings(providers).yaml)
            service.signal(SIGHUP)
            try await eventually("a reload") {
                service.log.split(separator: "\n").count { $0.contains("keys reloaded") } == count
            }
        }
        try await reload(points + second, count: 1)
        #expect(try service.exchange(ModelToken.fresh(), provider: "second").status == 200)
        #expect(try service.upstreamCalls() == calls)
        try await reload(points, count: 2)
        #expect(try service.upstreamCalls() == [calls[0]])
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }
}

extension CountersignProcess {
    /// Labels and values of a metric of its providers.
    fileprivate func upstreamCalls() throws -> [String] {
        let metrics = try HTTPConnection(port: operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains("# TYPE countersign_upstream_calls_total counter\n"))
        return metrics.split(separator: "\n").filter { $0.hasPrefix("countersign_upstream_calls_total{") }
            .map { String($0.trimmingPrefix("countersign_upstream_calls_total")) }
    }
}

extension RedisServer {
    /// All keys and values.
    fileprivate func dump() throws -> String {
        guard case .array(let keys) = try command("KEYS", "*") else { return "" }
        return try keys.map { key in
            guard case .bulk(let bytes) = key else { return "" }
            let name = String(decoding: bytes, as: UTF8.self)
            guard case .bulk(let value) = try command("GET", name) else { return name }
            return name + String(decoding: value, as: UTF8.self)
        }.joined(separator: "\n")
    }
}
