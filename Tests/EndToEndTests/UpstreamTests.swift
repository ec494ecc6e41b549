import Foundation
import TestSupport
import Testing
import TokenExchange

/// Identity providers whose tokens come from the retailer's own services, which have their bad days.
@Suite(.serialized) struct UpstreamTests {
    private static let verifier = TestVerifier("asker", of: "points", mayRevoke: "true")
    private typealias Settings = CountersignProcess.Settings

    private static func upstream(_ fake: FakeHTTPServer, more: String = "") -> String {
        """
        kind: upstream, claims: { email: { from: email } }, upstream: { url: "\(fake.url)", token_at: /token, \
        expires_in_at: /expires_in, headers: { X-Api-Key: { file: api-key, prefix: "Key " } }, \
        body: { email: { from: email }, subject_token: { identity: true } }\(more) }
        """
    }

    private static func settings(_ providers: String) -> Settings {
        var settings = Settings()
        settings.providers = providers
        settings.log = "{ level: debug, format: json }"
        settings.verifiers = [verifier]
        return settings
    }

    private static func start(
        _ providers: String, sessions: String = "{ store: memory }", replicas: Int = 1,
        limits: String = Settings().limits
    ) async throws -> [CountersignProcess] {
        var settings = settings(providers)
        settings.sessions = sessions
        settings.limits = limits
        let folder = try CountersignProcess.prepare(settings)
        for (name, secret) in [
            ("api-key", "MARKERAPIKEY"), ("cache-secret", "MARKERCACHESECRET-of-32-letters-or-more"),
        ] {
            let file = try folder.write(name, secret)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        }
        var services: [CountersignProcess] = []
        for _ in 0..<replicas { services.append(try await CountersignProcess.start(in: folder)) }
        return services
    }

    private static func redis(_ server: RedisServer) -> String {
        Settings.redis(server).replacingOccurrences(
            of: "{ store: redis,", with: "{ store: redis, cache_secret: { file: cache-secret },")
    }

    @Test func doesTheMainJobWithATokenOfAnotherService() async throws {
        let fake = try await FakeUpstream.start(.body(#"{"token":"a\"b\\c/+=","expires_in":600}"#))
        let service = try await Self.start(Settings.provider("points", token: Self.upstream(fake)))[0]
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
        let introspection = try service.introspect(form, as: Self.verifier)
        #expect(introspection.json["active"] as? Bool == true)
        #expect(introspection.json["email"] as? String == "jane.operator@example.com")
        #expect(try service.post("/revoke", form: "token=\(form)", authorization: Self.verifier.basic).status == 200)
        #expect(try service.session(token).status == 401)
        #expect(try service.introspect(form, as: Self.verifier).text == #"{"active":false}"#)
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    @Test(arguments: ["00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "nonsense", "00-0-0-01"])
    func passesNoMadeUpTraceOn(traceparent: String) async throws {
        let fake = try await FakeUpstream.start()
        let service = try await Self.start(Settings.provider("points", token: Self.upstream(fake)))[0]
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
        let services = try await Self.start(
            Settings.provider("points", token: Self.upstream(fake)), sessions: Self.redis(redis), replicas: 2)
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
        let services = try await Self.start(
            Settings.provider("points", token: Self.upstream(fake)), sessions: Self.redis(redis), replicas: 2)
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
        let services = try await Self.start(
            Settings.provider("points", token: Self.upstream(fake)), sessions: Self.redis(redis), replicas: 2)
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
        let unchanged = Settings.provider("second", token: Self.upstream(down))
        let service = try await Self.start(Settings.provider("points", token: Self.upstream(old)) + unchanged)[0]
        for _ in 0..<6 { _ = try service.exchange(ModelToken.fresh(), provider: "second") }
        #expect(down.requestCount == 5, "its breaker is open")
        old.hold()
        let early = try service.connect()
        try early.login(try ModelToken.fresh(), "till-1", "points")
        try await eventually("the old service is asked") { old.requestCount == 1 }
        let changed = Settings.provider("points", token: Self.upstream(new, more: ", attempts: 1"))
        try service.folder.write("countersign.yaml", Self.settings(changed + unchanged).yaml)
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
            Settings.provider("points", token: Self.upstream(fake)),
            Settings.provider("second", token: Self.upstream(fake))
        )
        let service = try await Self.start(points)[0]
        #expect(try service.exchange(ModelToken.fresh(), provider: "points").status == 200)
        let calls = [#"{identity_provider="points"} 1.0"#, #"{identity_provider="second"} 1.0"#]
        #expect(try service.upstreamCalls() == [calls[0]])
        func reload(_ providers: String, count: Int) async throws {
            try service.folder.write("countersign.yaml", Self.settings(providers).yaml)
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

    // MARK: Bad days

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
        let token = Self.upstream(fake)
        let service = try await Self.start(
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
        let service = try await Self.start(Settings.provider("points", token: Self.upstream(fake)))[0]
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
        let service = try await Self.start(
            Settings.provider("points", token: Self.upstream(down))
                + Settings.provider("second", token: Self.upstream(up)))[0]
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
        #expect(metrics.contains(#"countersign_upstream_calls{identity_provider="points"} 5"#))
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
        let service = try await Self.start(
            Settings.provider("points", token: Self.upstream(fake, more: ", connections: 128"))
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

    // MARK: Trying it out

    @Test func triesAServiceOutAndMasksSecrets() async throws {
        let fake = try await FakeUpstream.start(.body(#"{"token":"MARKERTOKEN","expires_in":600,"tier":"gold"}"#))
        let service = try await Self.start(Settings.provider("points", token: Self.upstream(fake)))[0]
        let arguments = ["upstream", "try", "--config", "\(service.folder.path)/countersign.yaml"]
        let good = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "points"], input: try ModelToken.fresh())
        #expect(good.status == 0, "\(good.output)")
        for line in [
            "POST \(fake.url)", "X-Api-Key: Key ***12-characters***",
            ", {token: string(11), expires_in: number, tier: string(4)}",
            "The login would get a token of 11 characters, good for 600 s.",
        ] { #expect(good.output.contains(line), "\(good.output)") }
        #expect(good.output.contains(#"{"email":"jane.operator@example.com","subject_token":"***"#))
        #expect(!good.output.contains("MARKER") && !good.output.contains("eyJ"))
        fake.set(.body("MARKER", status: 500))
        let bad = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "points"], input: try ModelToken.fresh())
        #expect(bad.status == 1 && bad.output.contains("status 500") && bad.output.contains("The login would fail."))
        let refused = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "points"],
            input: try ModelToken.current.signed(by: TestKeys.stranger))
        #expect(refused.status == 1 && refused.output.contains("signature_invalid"))
        #expect(fake.requestCount == 2)
        let unknown = try await CountersignProcess.run(
            CountersignProcess.program, arguments + ["--identity-provider", "x"], input: [])
        #expect(unknown.status == 1 && unknown.output.contains("known are points"))
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    @Test func triesTheCallForAnAccessTokenOutAsWell() async throws {
        let (access, fake) = (
            try await FakeUpstream.start(.body(#"{"access_token":"MARKERACCESS"}"#)),
            try await FakeUpstream.start(.body(#"{"token":"MARKERTOKEN"}"#))
        )
        let token = """
            kind: upstream, upstream: { preset: oauth_client_credentials, url: "\(fake.url)", token_at: /token, \
            idempotent: true, attempts: 3, access_token: { url: "\(access.url)", \
            body: { client_id: { value: countersign }, client_secret: { file: api-key } } } }
            """
        let service = try await Self.start(Settings.provider("points", token: token))[0]
        let arguments = [
            "upstream", "try", "--config", "\(service.folder.path)/countersign.yaml", "--identity-provider", "points",
        ]
        let good = try await CountersignProcess.run(
            CountersignProcess.program, arguments, input: try ModelToken.fresh())
        #expect(good.status == 0 && !good.output.contains("MARKER"), "\(good.output)")
        let parts = good.output.split(separator: "\n\n")
        #expect(parts[0].hasPrefix("Request for an access token:\nPOST \(access.url)\n"))
        #expect(parts[1] == "grant_type=client_credentials&client_id=countersign&client_secret=***12-characters***")
        #expect(parts[2].hasSuffix(", {access_token: string(12)}"))
        #expect(parts[3].hasPrefix("Request:\nPOST \(fake.url)\n"))
        #expect(parts[3].contains("\nAuthorization: Bearer ***access-token***\n"))
        access.set(.body("", status: 503))
        let bad = try await CountersignProcess.run(
            CountersignProcess.program, arguments, input: try ModelToken.fresh())
        #expect(bad.status == 1 && !bad.output.contains(fake.url), "\(bad.output)")
        #expect(
            bad.output.hasSuffix(
                "an empty body\n\nWithout an access token nothing more was sent.\n\nThe login would fail.\n"))
        #expect(access.requestCount == 2 && fake.requestCount == 1)
        #expect(try await service.terminate() == 0)
        try await access.stop()
        try await fake.stop()
    }
}

extension CountersignProcess {
    /// Labels and values of a metric of its providers.
    fileprivate func upstreamCalls() throws -> [String] {
        let metrics = try HTTPConnection(port: operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains("# TYPE countersign_upstream_calls counter\n"))
        return metrics.split(separator: "\n").filter { $0.hasPrefix("countersign_upstream_calls{") }
            .map { String($0.trimmingPrefix("countersign_upstream_calls")) }
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
