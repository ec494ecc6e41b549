import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `/metrics` of the real program, as Prometheus reads it.
@Suite struct MetricsTests {
    private typealias Settings = CountersignProcess.Settings

    /// What a metric is, by the program or by its document.
    private struct Family: Hashable, CustomStringConvertible {
        let name: String
        let type: String
        /// Sorted.
        let labels: [String]

        var description: String { "\(name) (\(type)) by \(labels)" }
    }

    /// A service with everything that has metrics, and what it needs.
    private struct Scene {
        let redis: RedisTLSServer
        let issuer: FakeHTTPServer
        let upstream: FakeHTTPServer
        let service: CountersignProcess

        init() async throws {
            let client = try TestCertificate()
            redis = try await RedisTLSServer.start(try TestCertificate(), clientAuthority: client)
            issuer = try await FakeIssuer.start(.document(PublicJWK.set([TestKeys.rs256.publicKey])))
            upstream = try await FakeUpstream.start()
            var settings = Settings()
            settings.sessions = """
                { store: redis, redis: { url: "rediss://127.0.0.1:\(redis.port)/0", command_timeout: 2s, connect_timeout: 5s, tls: { \
                ca_file: "\(redis.certificate.file)", client_certificate: { \
                certificate_chain: "\(client.file)", private_key: "\(client.keyFile)" } } } }
                """
            settings.keys = "{ jwks_url: \"\(issuer.url)\" }"
            // The probe is refused several times a second, from the same address.
            settings.limits = "{ requests_per_second: 5, burst: 40 }"
            settings.providers =
                Settings.provider("vip-loyalty", more: ", deadline: 10s")
                + Settings.provider("notes", mode: "optional")
                + Settings.provider("opaque", mode: "optional", token: "kind: opaque")
                + Settings.provider(
                    "points", token: "kind: upstream, upstream: { url: \"\(upstream.url)\", token_at: /token }",
                    more: ", deadline: 10s, requests_in_progress: 1")
            settings.audit = "{ file: audit.jsonl }"
            // Nobody collects the traces.
            settings.traces = "{ endpoint: \"http://127.0.0.1:1\", sample_ratio: 1 }"
            settings.ports = (public: try freeLoopbackPort(), operations: 0)
            settings.publicURL = "http://127.0.0.1:\(settings.ports.public)"
            let service = try await CountersignProcess.start(
                in: try CountersignProcess.prepareProbed(settings, more: ", interval: 1s"))
            try await eventually("store and keys are there") { try service.readiness().status == 200 }
            self.service = service
        }

        func stop() async throws {
            #expect(try await service.terminate() == 0)
            try await issuer.stop()
            try await upstream.stop()
        }
    }

    private static func metrics(of service: CountersignProcess) throws -> String {
        try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
    }

    /// The families of a text, with the labels that all their series have.
    private static func families(in text: String) throws -> Set<Family> {
        var types: [String: String] = [:]
        var labels: [String: Set<[String]>] = [:]
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: /# TYPE (\w+) (\w+)/) { types[String(match.1)] = String(match.2) }
            guard let series = line.prefixMatch(of: #/(\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? /#) else { continue }
            let whole = String(series.1) + (series.2 ?? "")
            let name = types[whole] == nil ? String(series.1) : whole
            let names = (series.3 ?? "").matches(of: /(\w+)="(?:[^"\\]|\\.)*"/).map { String($0.1) }
            labels[name, default: []].insert(names.filter { $0 != "le" })
        }
        return Set(
            try types.map { name, type in
                let all = labels[name] ?? []
                #expect(all.count == 1, "\(name) has series with \(all)")
                return Family(name: name, type: type, labels: try #require(all.first).sorted())
            })
    }

    /// The rows of `docs/metrics.md`.
    private static func documented() throws -> [Family] {
        let file = "\(CountersignProcess.repository)/docs/metrics.md"
        return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard let row = line.wholeMatch(of: /\| `(\w+)` \| (\w+) \| (.*?) ?\| (.+?) \| (.*?) ?\|/) else {
                return nil
            }
            let labels = row.3.matches(of: /`(\w+)`/).map { String($0.1) }
            return Family(name: String(row.1), type: String(row.2), labels: labels.sorted())
        }
    }

    /// A login of each outcome, some of them in an outage of the store.
    private func logInInEveryWay(_ scene: Scene) async throws {
        let service = scene.service
        let token = try ModelToken.fresh()
        for _ in 0..<2 { #expect(try service.exchange(token).status == 200) }
        #expect(try service.exchange(token, provider: "points").status == 200)
        try await shedALogin(scene)
        try await eventually("a probe has passed") {
            try Self.metrics(of: service).contains("countersign_probe_last_success_timestamp_seconds")
        }
        let expired = ModelToken.current.claim("exp", .number(literal: "1000000000"))
        #expect(try service.exchange(try expired.signed(by: TestKeys.rs256)).errorCode == "token_expired")
        scene.redis.server.kill()
        try await eventually("the outage is certain") {
            try service.exchange(try ModelToken.fresh()).errorCode == "session_store_unavailable"
        }
        #expect(try service.exchange(token, provider: "notes").externalIdentity != nil)
        #expect(try service.exchange(token, provider: "opaque").externalIdentity == nil)
        try await eventually("the source is barred") { try service.exchange(Array("rubbish".utf8)).status == 429 }
    }

    /// The second login that waits for an internal service which one may wait for.
    private func shedALogin(_ scene: Scene) async throws {
        scene.upstream.hold()
        let first = try scene.service.connect()
        try first.login(ModelToken.fresh(), "till-2", "points")
        try await eventually("it waits") {
            try Self.metrics(of: scene.service)
                .contains(#"countersign_requests_in_progress{identity_provider="points"} 1"#)
        }
        let second = try scene.service.exchange(ModelToken.fresh(), device: "till-3", provider: "points")
        #expect(second.errorCode == "overloaded")
        scene.upstream.release()
        #expect(try first.answer().status == 200)
    }

    @Test func exportsWhatTheDocumentSaysAndNothingElse() async throws {
        let scene = try await Scene()
        try await logInInEveryWay(scene)
        try await eventually("an event loop was looked at") {
            try Self.metrics(of: scene.service).contains("countersign_event_loop_lag_seconds_count")
        }
        let text = try Self.metrics(of: scene.service)
        let (exported, documented) = (try Self.families(in: text), try Self.documented())
        #expect(documented.count == Set(documented.map(\.name)).count, "one row for each")
        #expect(exported.subtracting(documented).isEmpty, "exported, but not documented like this")
        #expect(Set(documented).subtracting(exported).isEmpty, "documented, but not exported like this")
        for counter in exported where counter.type == "counter" { #expect(counter.name.hasSuffix("_total")) }
        let verdict = try await CountersignProcess.run("promtool", ["check", "metrics"], input: Array(text.utf8))
        #expect(verdict.status == 0 && verdict.output.isEmpty, "\(verdict.output)")
        try await scene.stop()
    }

    @Test func countsLoginsByOutcome() async throws {
        let scene = try await Scene()
        try await logInInEveryWay(scene)
        let text = try Self.metrics(of: scene.service)
        func logins(_ provider: String, _ outcome: String, tenant: String = "acme-staging") -> Int? {
            let series =
                #"countersign_logins_total{identity_provider="\#(provider)",outcome="\#(outcome)",tenant="\#(tenant)"} "#
            return text.split(separator: "\n").first { $0.hasPrefix(series) }
                .flatMap { Int($0.dropFirst(series.count)) }
        }
        #expect(logins("vip-loyalty", "issued") == 1 && logins("vip-loyalty", "replayed") == 1)
        #expect(logins("points", "issued") == 2)
        #expect(logins("vip-loyalty", "refused") == 1, "genuine, so its tenant is known")
        #expect(logins("vip-loyalty", "refused", tenant: "") ?? 0 >= 1, "rubbish is nobody's")
        #expect(logins("vip-loyalty", "failed") ?? 0 >= 1)
        #expect(logins("notes", "deferred") == 1 && logins("opaque", "degraded") == 1)
        #expect(logins("vip-loyalty", "rate_limited", tenant: "") ?? 0 >= 1)
        let phase = "countersign_exchange_phase_duration_seconds_count"
        for (provider, name) in [
            ("vip-loyalty", "verify"), ("vip-loyalty", "mint"), ("vip-loyalty", "store"), ("points", "upstream"),
        ] {
            #expect(text.contains(#"\#(phase){identity_provider="\#(provider)",phase="\#(name)"}"#))
        }
        #expect(!text.contains(#"{identity_provider="vip-loyalty",phase="upstream"}"#), "it has no such phase")
        try await scene.stop()
    }

    /// More logins at once than the machine can serve at once, for as long as the scrapes take.
    @Test func answersAScrapeDuringOverload() async throws {
        let service = try await CountersignProcess.start()
        let isDone = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: isDone) }
        let tokens = try (0..<64).map { _ in try ModelToken.fresh() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let connections = try tokens.map { _ in try service.connect() }
            group.addTask {
                while !FileManager.default.fileExists(atPath: isDone) {
                    for (connection, token) in zip(connections, tokens) {
                        try connection.login(token, "till-1", "vip-loyalty")
                    }
                    for connection in connections { #expect(try connection.answer().status == 200) }
                }
            }
            for _ in 0..<5 {
                let start = ContinuousClock.now
                let text = try Self.metrics(of: service)
                #expect(ContinuousClock.now - start < .seconds(10))
                #expect(text.hasSuffix("\n") && text.contains("\nprocess_virtual_memory_bytes "), "it is whole")
            }
            _ = FileManager.default.createFile(atPath: isDone, contents: nil)
            try await group.waitForAll()
        }
        #expect(try await service.terminate() == 0)
    }
}
