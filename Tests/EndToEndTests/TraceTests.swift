import Foundation
import TestSupport
import Testing
import TokenExchange

/// Traces of the whole service, as a collector gets them.
@Suite(.serialized) struct TraceTests {
    private typealias Settings = CountersignProcess.Settings

    private static let trace = "0af7651916cd43dd8448eb211c80319c"
    private static let caller = "b7ad6b7169203331"

    private static func traces(_ url: String, more: String = "") -> String {
        #"{ endpoint: "\#(url)", sample_ratio: 1, interval: 20ms\#(more) }"#
    }

    private static func start(_ settings: Settings) async throws -> CountersignProcess {
        let folder = try CountersignProcess.prepare(settings)
        for (name, secret) in [("api-key", "MARKERAPIKEY"), ("collector", "MARKERCOLLECTOR")] {
            let file = try folder.write(name, secret)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        }
        return try await CountersignProcess.start(in: folder)
    }

    private static func body(_ token: [UInt8]) -> String {
        #"{"deviceId":"MARKERDEVICE","identity":"\#(String(decoding: token, as: UTF8.self))"}"#
    }

    /// The span with that name and its children, in the order of their beginning.
    private static func tree(
        _ name: String, in collector: FakeHTTPServer, where condition: (CollectedSpan) -> Bool = { _ in true }
    ) throws -> (root: CollectedSpan, parts: [CollectedSpan])? {
        let spans = try CollectedSpan.all(in: collector)
        guard let root = spans.first(where: { $0.name == name && condition($0) }) else { return nil }
        let parts = spans.filter { $0.parentID == root.id }.sorted { $0.period.lowerBound < $1.period.lowerBound }
        for part in parts {
            #expect(part.traceID == root.traceID)
            #expect(root.period.contains(part.period.lowerBound) && root.period.contains(part.period.upperBound))
        }
        return (root, parts)
    }

    @Test func tellsTheStoryOfALoginAndAnIntrospection() async throws {
        let (collector, redis, fake) = (
            try await CollectedSpan.collector(), try await RedisServer.start(), try await FakeUpstream.start()
        )
        var settings = UpstreamScene.settings(Settings.provider("points", token: UpstreamScene.upstream(fake)))
        settings.sessions = Settings.redis(redis)
        settings.traces = Self.traces(
            collector.url, more: ", headers: { Authorization: { file: collector } }, service_name: identity")
        let service = try await Self.start(settings)
        let marked = ModelToken.current.claim("sub", .string("MARKERSUBJECT"))
        let token = try marked.claim("email", .string("MARKERMAIL@x.example")).signed(by: TestKeys.rs256)
        let login = try service.callback(
            Self.body(token), provider: "points",
            headers: [
                "traceparent": "00-\(Self.trace)-\(Self.caller)-01", "tracestate": "shop=MARKERSTATE",
                "X-Request-Id": "login-7",
            ])
        let identity = try #require(login.externalIdentity)
        #expect(try service.introspect(identity, as: UpstreamScene.verifier).json["active"] as? Bool == true)
        #expect(
            try service.connect().request("GET", "/session?MARKERQUERY", headers: ["Authorization": "Bearer x"]).status
                == 401)
        #expect(try await service.terminate() == 0)

        // 1. The login: below the caller's span, with a part for each thing that took time.
        let (root, parts) = try #require(
            try Self.tree("POST /post_login_callback/{identity_provider}", in: collector))
        #expect(root.traceID == Self.trace && root.parentID == Self.caller && root.flags == 0x301 && root.kind == 2)
        #expect(root.status == nil)
        #expect(
            root.attributes == [
                "http.request.method": "POST", "http.route": "/post_login_callback/{identity_provider}",
                "http.response.status_code": "200", "countersign.identity_provider": "points",
                "countersign.tenant": "acme-staging", "countersign.outcome": "issued",
                "countersign.request_id": "login-7",
            ])
        #expect(parts.map(\.name).filter { $0 != "store" } == ["verify", "internal service"])
        #expect(parts.count { $0.name == "store" && $0.attributes["db.system.name"] == "redis" && $0.kind == 3 } >= 2)
        // 2. The internal service was told of our call.
        let call = try #require(parts.first { $0.name == "internal service" })
        #expect(call.kind == 3)
        #expect(fake.requests[0].header("traceparent") == "00-\(Self.trace)-\(call.id)-01")
        #expect(fake.requests[0].header("tracestate") == "shop=MARKERSTATE")
        // 3. The introspection begins a trace.
        let introspection = try #require(try Self.tree("POST /introspect", in: collector))
        #expect(introspection.root.parentID == nil && introspection.root.flags == 0x101)
        #expect(introspection.root.traceID != Self.trace && introspection.parts.map(\.name) == ["store"])
        // 4. A refusal is no error.
        let session = try #require(try Self.tree("GET /session", in: collector))
        #expect(session.root.status == nil && session.root.attributes["countersign.reason"] == "session_inactive")
        // 5. All of it says whose it is, and nothing that is a secret.
        let spans = try CollectedSpan.all(in: collector)
        #expect(Set(spans.map(\.resource)).count == 1 && Set(spans.map(\.id)).count == spans.count)
        #expect(
            spans[0].resource["service.name"] == "identity" && spans[0].resource["service.instance.id"]?.count == 36)
        #expect(collector.requests.allSatisfy { $0.header("Authorization") == "MARKERCOLLECTOR" })
        let pieces = [login.text, String(decoding: token, as: UTF8.self)].map { String($0.suffix(24)) }
        for marker in ["MARKER", "127.0.0.1", identity] + pieces {
            #expect(collector.requests.allSatisfy { !$0.body.contains(marker) }, "\(marker)")
            #expect(marker == "127.0.0.1" || !service.log.contains(marker), "\(marker)")
        }
        try await collector.stop()
        try await fake.stop()
    }

    @Test func tellsWhatFailed() async throws {
        let (collector, fake) = (try await CollectedSpan.collector(), try await FakeUpstream.start(.status(500)))
        var settings = UpstreamScene.settings(
            Settings.provider("points", token: UpstreamScene.upstream(fake))
                + Settings.provider("easy", mode: "optional", token: UpstreamScene.upstream(fake)))
        settings.traces = Self.traces(collector.url)
        let service = try await Self.start(settings)
        for provider in ["points", "easy"] { _ = try service.exchange(ModelToken.fresh(), provider: provider) }
        _ = try service.exchange(ModelToken.fresh(), provider: "nobody")
        #expect(try await service.terminate() == 0)
        let name = "POST /post_login_callback/{identity_provider}"
        let outcomes = [("points", "failed", 2), ("easy", "degraded", nil)]
        for (provider, outcome, status) in outcomes {
            let (root, parts) = try #require(
                try Self.tree(name, in: collector) { $0.attributes["countersign.identity_provider"] == provider })
            #expect(root.attributes["countersign.outcome"] == outcome && root.status == status)
            #expect(root.attributes["error.type"] == "upstream_unavailable")
            #expect(root.attributes["countersign.operation"] == "upstream")
            #expect(parts.filter { $0.status == 2 }.map(\.name) == ["internal service"])
            #expect(parts.last?.attributes["error.type"] == "upstream_unavailable")
        }
        let unknown = try #require(
            try Self.tree(name, in: collector) { $0.attributes["http.response.status_code"] == "404" })
        #expect(unknown.parts.isEmpty && unknown.root.attributes["countersign.outcome"] == nil)
        try await collector.stop()
        try await fake.stop()
    }

    @Test(arguments: ["upper case", "zeros", "nonsense", "a megabyte", "a megabyte of good ones"])
    func servesARequestWhateverItSaysOfItsTrace(kind: String) async throws {
        let good = "00-\(Self.trace)-\(Self.caller)-01"
        let traceparent =
            switch kind {
            case "upper case": good.uppercased()
            case "zeros": "00-\(String(repeating: "0", count: 32))-\(Self.caller)-01"
            case "a megabyte": String(repeating: "0", count: 1_048_576)
            case "a megabyte of good ones": String(repeating: good + ",", count: 19_000)
            default: kind
            }
        let collector = try await CollectedSpan.collector()
        var settings = Settings()
        settings.traces = Self.traces(collector.url)
        let service = try await Self.start(settings)
        let headers = ["traceparent": traceparent, "tracestate": String(repeating: "a=1,", count: 262_144)]
        #expect(try service.callback(Self.body(ModelToken.fresh()), headers: headers).externalIdentity != nil)
        #expect(try await service.terminate() == 0)
        let spans = try CollectedSpan.all(in: collector)
        #expect(spans.contains { $0.kind == 2 && $0.parentID == nil })
        #expect(spans.allSatisfy { $0.traceID != Self.trace })
        try await collector.stop()
    }

    @Test func followsTheCallerAndTheRatio() async throws {
        let collector = try await CollectedSpan.collector()
        var settings = Settings()
        settings.traces = #"{ endpoint: "http://127.0.0.1:\#(collector.port)", sample_ratio: 0, interval: 20ms }"#
        let service = try await Self.start(settings)
        for flags in ["00", "01"] {
            let headers = ["traceparent": "00-\(Self.trace)-\(Self.caller)-\(flags)", "X-Request-Id": "flags-\(flags)"]
            #expect(try service.callback(Self.body(ModelToken.fresh()), headers: headers).status == 200)
        }
        #expect(try service.exchange(ModelToken.fresh()).status == 200)
        #expect(try await service.terminate() == 0)
        let spans = try CollectedSpan.all(in: collector).filter { $0.kind == 2 }
        #expect(spans.map { $0.attributes["countersign.request_id"] } == ["flags-01"])
        try await collector.stop()
    }

    @Test(arguments: ["silent", "down", "refusing"]) func logsInWhateverItsCollectorDoes(condition: String) async throws
    {
        let collector = try await CollectedSpan.collector(condition == "silent" ? .silence : .status(503))
        let url = collector.url
        if condition == "down" { try await collector.stop() }
        var settings = Settings()
        settings.traces = Self.traces(url, more: ", queue_spans: 64, requests_per_second: 10000")
        let service = try await Self.start(settings)
        let connection = try service.connect()
        for _ in 0..<40 {
            try connection.login(ModelToken.fresh(), "till", "vip-loyalty")
            #expect(try connection.answer().externalIdentity != nil)
        }
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        let dropped = metrics.firstMatch(of: /countersign_trace_spans_total\{outcome="dropped"\} (\d+)/)
        #expect(try #require(dropped.flatMap { Int($0.1) }) >= 64)
        #expect(metrics.contains("# TYPE countersign_trace_spans_total counter\n"))
        let start = ContinuousClock.now
        #expect(try await service.terminate() == 0)
        #expect(ContinuousClock.now - start < .seconds(5), "it does not wait for its collector")
        if condition != "silent" { #expect(service.log.contains("traces do not reach their collector")) }
        if condition != "down" { try await collector.stop() }
    }

    @Test func reachesACollectorByTLS() async throws {
        let certificate = try TestCertificate()
        let collector = try await CollectedSpan.collector(certificate: certificate)
        var settings = Settings()
        settings.traces = Self.traces(collector.url, more: #", ca_file: "\#(certificate.file)""#)
        let service = try await Self.start(settings)
        #expect(try service.exchange(ModelToken.fresh()).status == 200)
        try await eventually("spans arrive") { collector.requestCount > 0 }
        #expect(try await service.terminate() == 0)
        #expect(try !CollectedSpan.all(in: collector).isEmpty)
        try await collector.stop()
    }

    @Test func isOffUnlessItIsConfigured() async throws {
        let service = try await Self.start(Settings())
        let headers = ["traceparent": "00-\(Self.trace)-\(Self.caller)-01"]
        #expect(try service.callback(Self.body(ModelToken.fresh()), headers: headers).status == 200)
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains("countersign_requests_total") && !metrics.contains("countersign_trace_"))
        #expect(try await service.terminate() == 0)
    }
}
