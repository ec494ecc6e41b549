import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The first commands of a new user, with the real program: `init`, `serve`, `doctor`.
@Suite struct DoctorTests {
    private typealias Settings = CountersignProcess.Settings

    private func doctor(_ folder: TemporaryFolder, _ more: String...) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(
            CountersignProcess.program, ["doctor", "--config", "\(folder.path)/countersign.yaml"] + more)
    }

    /// By their names: `pass`, `warn` or `fail`.
    private func statuses(_ result: CountersignProcess.CommandResult) throws -> [String: String] {
        let json = try JSONValue(parsing: Array(result.output.utf8), limits: JSONLimits(depth: 8, members: 64))
        guard case .array(let checks) = json["checks"] else { return [:] }
        return Dictionary(
            checks.map { ("\($0["check"]?.string ?? "")", "\($0["status"]?.string ?? "")") }
        ) { $0 == "fail" ? $0 : $1 }
    }

    @Test func findsAWholeDeploymentWellAndThenItsStoreGone() async throws {
        let redis = try await RedisServer.start(password: "MARKERPASSWORD", arguments: ["--appendonly", "yes"])
        let issuer = try await FakeIssuer.start(.document(PublicJWK.set([TestKeys.rs256.publicKey])))
        var settings = Settings()
        settings.ports = (public: try freeLoopbackPort(), operations: 0)
        settings.publicURL = "http://127.0.0.1:\(settings.ports.public)"
        settings.keys = "{ jwks_url: \"\(issuer.url)\" }"
        settings.sessions = """
            { store: redis, redis: { url: "redis://127.0.0.1:\(redis.port)", command_timeout: 5s, \
            password: { file: redis.secret } } }
            """
        settings.providers = Settings.provider(
            "vip-loyalty", more: ", webview: { origins: [\"https://loyalty.acme.example\"] }")
        settings.verifiers = [TestVerifier("backend", of: "vip-loyalty", secret: "MARKERSECRET-16-letters")]
        let folder = try CountersignProcess.prepare(settings)
        chmod(try folder.write("redis.secret", "MARKERPASSWORD"), 0o600)
        let service = try await CountersignProcess.start(in: folder)

        let well = try await doctor(folder, "--json")
        #expect(well.status == 0, "\(well.output)")
        let found = try statuses(well)
        for check in [
            "configuration", "limits", "signing_keys", "issuer_keys", "session_store", "redis_latency",
            "redis_eviction",
            "redis_persistence", "public_url", "key_set", "metadata", "origin",
        ] {
            #expect(found[check] == "pass", "\(check): \(well.output)")
        }
        redis.kill()
        let ill = try await doctor(folder)
        #expect(ill.status == 1)
        #expect(
            ill.output.contains("\nfail  session_store: ") && ill.output.contains("\npass  key_set: "), "\(ill.output)")
        #expect(!(well.output + ill.output).contains("MARKER"))
        #expect(try await service.terminate() == 0)
        try await issuer.stop()
    }

    @Test func saysWhichFileCannotBeRead() async throws {
        let result = try await doctor(TemporaryFolder())
        #expect(result.status == 1 && result.output.hasPrefix("fail  configuration: /"), "\(result.output)")
        #expect(result.output.contains("countersign.yaml: expected a readable file, found "))
    }

    @Test func checksWhatInitHasWritten() async throws {
        let folder = TemporaryFolder()
        let file = "\(folder.path)/countersign.yaml"
        let port = try freeLoopbackPort()
        let words = [
            "init", "--realm", "acme-staging", "--provider", "vip-loyalty", "--provider", "notes", "--origin",
            "https://loyalty.acme.example", "--public-url", "http://127.0.0.1:\(port)", "--config", file,
        ]
        let made = try await CountersignProcess.run(CountersignProcess.program, words)
        #expect(made.status == 0 && made.output.contains("\n  countersign serve --config \(file)\n"), "\(made.output)")
        let check = try await CountersignProcess.run("check-config", "--config", file)
        #expect(check.status == 0 && !check.output.contains("note: "), "\(check.output)")
        let again = try await CountersignProcess.run(CountersignProcess.program, words)
        #expect(again.status == 1 && again.output.hasPrefix("\(file): expected no file yet, found one."))
        let keys = try await CountersignProcess.run("keys", "list", "--json", "--config", file)
        #expect(try JSONValue(parsing: Array(keys.output.utf8)) != .array([]))
        let app = try await CountersignProcess.run("app-config", "--tenant", "acme-staging", "--config", file)
        #expect(app.status == 0 && app.output.contains("http://127.0.0.1:\(port)/post_login_callback/notes"))
    }

    /// Without a terminal nobody can be asked.
    @Test func namesTheOptionThatInitNeeds() async throws {
        let folder = TemporaryFolder()
        let result = try await CountersignProcess.run("init", "--config", "\(folder.path)/countersign.yaml")
        #expect(result.status == 1 && result.output.contains("(--realm), found none.\nNothing was written."))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names == [])
        for words in [["--realm", "a", "--issuer", "https://b"], ["--issuer", "a"]] {
            #expect(try await CountersignProcess.run(CountersignProcess.program, ["init"] + words).status == 64)
        }
        for words in [["--deeplink"], ["--loyalty-provider", "x"], ["--loyalty-url", "x"]] {
            #expect(try await CountersignProcess.run(CountersignProcess.program, ["app-config"] + words).status == 64)
        }
    }
}
