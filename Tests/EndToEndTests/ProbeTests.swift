import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `countersign probe` and the `probe` of `serve`, with the real program and a real Redis.
@Suite struct ProbeTests {
    private typealias Settings = CountersignProcess.Settings

    private func probe(
        _ service: CountersignProcess, in folder: TemporaryFolder? = nil, _ more: String...
    ) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(
            CountersignProcess.program,
            [
                "probe", "--config", "\((folder ?? service.folder).path)/countersign.yaml", "--url",
                "http://127.0.0.1:\(service.publicPort)",
            ] + more)
    }

    @Test func findsAServiceWellAndThenItsStoreGone() async throws {
        let redis = try await RedisServer.start()
        var settings = Settings()
        settings.sessions = Settings.redis(redis)
        let service = try await CountersignProcess.start(in: try CountersignProcess.prepareProbed(settings))
        let well = try await probe(service)
        #expect(well.status == 0, "\(well.output)")
        #expect(well.output.matches(of: #/(?m)^pass /#).count == 7, "\(well.output)")
        #expect(
            try redis.connect().keys().filter { $0.contains(":session:") }.count == 1, "what is left of it: a tombstone"
        )
        redis.kill()
        let ill = try await probe(service, "--json")
        #expect(ill.status == 1, "\(ill.output)")
        #expect(ill.output.contains("expected 200 with an external identity, found 503 session_store_unavailable"))
        #expect(ill.output.matches(of: /"outcome": "pass"/).count == 3, "bad tokens are refused all the same")
        #expect(!(well.output + ill.output + service.log).contains("MARKER"))
        #expect(!(well.output + ill.output).contains("eyJ"))
    }

    /// Another key and another secret than the service knows.
    @Test func failsIfTheServiceKnowsNeitherItsKeyNorItsVerifier() async throws {
        let service = try await CountersignProcess.start(in: try CountersignProcess.prepareProbed())
        let stranger = try CountersignProcess.prepareProbed()
        let refused = try await probe(service, in: stranger)
        #expect(
            refused.status == 1 && refused.output.contains(/fail +login: .* found 401 token_rejected/),
            "\(refused.output)")
        for file in ["probe.key", "probe.pem"] {
            let bytes = try String(contentsOfFile: "\(service.folder.path)/\(file)", encoding: .utf8)
            chmod(try stranger.write(file, bytes), 0o600)
        }
        chmod(try stranger.write("prober.secret", "another secret of sixteen"), 0o600)
        let unknown = try await probe(service, in: stranger)
        #expect(
            unknown.status == 1 && unknown.output.contains(/fail +introspection: .* found 401 verifier_rejected/),
            "\(unknown.output)")
        #expect(unknown.output.contains(/(?m)^skipped +revoked/) && unknown.output.contains(/(?m)^pass +login/))
    }

    /// A service whose rules were relaxed: it takes what the probe's configuration says that it must refuse.
    @Test func findsAServiceThatAcceptsWhatItMustRefuse() async throws {
        let folder = try CountersignProcess.prepareProbed()
        let file = "\(folder.path)/countersign.yaml"
        let strict = try String(contentsOfFile: file, encoding: .utf8)
        try folder.write(
            "countersign.yaml",
            strict.replacing(
                "algorithms: [ES256] }", with: "algorithms: [ES256], token_kinds: [Bearer, ID], clock_skew: 10m }"))
        let service = try await CountersignProcess.start(in: folder)
        try folder.write("countersign.yaml", strict)
        let result = try await probe(service)
        #expect(result.status == 2, "\(result.output)")
        #expect(result.output.contains(/ACCEPTED +expired/) && result.output.contains(/ACCEPTED +wrong_kind/))
        #expect(result.output.contains(/(?m)^pass +bad_signature/))
    }

    @Test func probesItselfWhileItServes() async throws {
        let redis = try await RedisServer.start()
        var settings = Settings()
        settings.sessions = Settings.redis(redis)
        settings.ports = (public: try freeLoopbackPort(), operations: 0)
        settings.publicURL = "http://127.0.0.1:\(settings.ports.public)"
        settings.audit = "{ file: audit.jsonl }"
        let folder = try CountersignProcess.prepareProbed(settings, more: ", interval: 1s")
        let service = try await CountersignProcess.start(in: folder)
        func page() throws -> String {
            try HTTPConnection(port: service.operationsPort).request("GET", "/status").text
        }
        for step in ["login", "introspection", "revocation", "revoked", "expired", "bad_signature", "wrong_kind"] {
            try await eventually("\(step) passes", within: .seconds(20)) {
                let text = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
                return text.contains(
                    try Regex(#"countersign_probe_steps_total\{outcome="pass",step="\#(step)"\} [1-9]"#))
            }
        }
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        let otherOutcome = #/countersign_probe_steps_total\{outcome="(accepted|fail|skipped)",step="\w+"\} [1-9]/#
        #expect(!metrics.contains(otherOutcome))
        #expect(
            metrics.contains("# HELP countersign_probe_steps_total ")
                && metrics.contains("# TYPE countersign_probe_steps_total counter"))
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        let well = try page()
        #expect(well.contains(/<code>bad_signature<\/code><\/th><td>pass</) && !well.contains("probe, "))
        #expect(well.contains(/Audit entries<\/dt><dd>[1-9]\d* written, \d+ bytes waiting, 0 dropped</))
        #expect(!service.log.contains("MARKER") && !service.log.contains("probe: "))
        redis.kill()
        try await eventually("the page says so", within: .seconds(20)) {
            try page().contains("probe, login</strong>: expected 200 with an external identity, found 503")
        }
        #expect(try await service.terminate() == 0)
    }

    @Test func saysWhatIsMissing() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        let result = try await CountersignProcess.run("probe", "--config", "\(folder.path)/countersign.yaml")
        #expect(result.status == 1, "\(result.output)")
        #expect(
            result.output.contains(
                ": probe: expected a tenant, an identity provider and a key to probe with, found none."))
    }
}
