import CountersignService
import Foundation
import HTTPTypes
import JOSE
import NIOCore
import NIOPosix
import TestSupport
import Testing
import TokenExchange

/// The gauges of the whole service, as a scrape reads them.
@Suite struct ServiceMetricsTests {
    private static let asker = TestVerifier("asker", of: "vip-loyalty", mayRevoke: "all")

    private func registry(_ scene: ServiceScene) -> PrometheusRegistry {
        PrometheusRegistry(
            scene.routes, loops: LoopWatch(MultiThreadedEventLoopGroup.singleton.makeIterator()),
            logs: LogQueue(limit: 65_536), time: scene.clock.time)
    }

    /// The value of a series as the text has it; nil if there is none.
    private func value(_ series: String, _ registry: PrometheusRegistry) -> String? {
        registry.text.split(separator: "\n").first { $0.hasPrefix(series + " ") }
            .map { String($0.dropFirst(series.count + 1)) }
    }

    private func number(_ series: String, _ registry: PrometheusRegistry) throws -> Double {
        try #require(value(series, registry).flatMap { Double($0) })
    }

    @Test func describesEveryMetric() throws {
        let scene = try ServiceScene { $0.keys = "{ jwks_url: \"http://127.0.0.1:1/certs\" }" }
        let lines = registry(scene).text.split(separator: "\n")
        let types = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        let helps = lines.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ")[2] }
        #expect(types == helps && types.count >= 17, "\(types)")
    }

    @Test func countsKeysByAlgorithmAndState() throws {
        let scene = try ServiceScene()
        let registry = registry(scene)
        #expect(value(#"countersign_signing_keys{algorithm="ES256",state="active"}"#, registry) == "1.0")
        #expect(value(#"countersign_signing_keys{algorithm="RS256",state="active"}"#, registry) == "0.0")
        scene.clock.advance(by: .seconds(60))
        #expect(value(#"countersign_signing_key_age_seconds{algorithm="ES256"}"#, registry) == "60.0")
        #expect(value(#"countersign_signing_key_age_seconds{algorithm="RS256"}"#, registry) == nil, "there is none")
    }

    @Test func countsDownToTheNextStepOfARotation() throws {
        let scene = try ServiceScene()
        let registry = registry(scene)
        func read(_ series: String) throws -> Double { try number(series, registry) }
        let wait = try read("countersign_signing_key_next_step_seconds")
        #expect(wait > 0)
        #expect(try read("countersign_signing_key_step_overdue_seconds") == 0)
        scene.clock.advance(by: .seconds(wait) + .seconds(30))
        #expect(try read("countersign_signing_key_next_step_seconds") == 0)
        #expect(abs(try read("countersign_signing_key_step_overdue_seconds") - 30) < 1)
    }

    @Test func saysWhenCertificatesExpire() throws {
        let certificate = try TestCertificate()
        let end = try certificate.notAfter
        // Followed by one that expires later.
        let chain = try String(contentsOfFile: certificate.file, encoding: .utf8) + TestChain.shared.get().root
        try Data(chain.utf8).write(to: URL(filePath: certificate.file))
        let files = "{ certificate_chain: \(certificate.file), private_key: \(certificate.keyFile) }"
        let scene = try ServiceScene {
            $0.listenMore = ", tls: \(files)"
            $0.providers += ServiceScene.Settings.provider(
                "points",
                token:
                    "kind: upstream, upstream: { url: \"https://localhost/t\", token_at: /t, client_certificate: \(files) }"
            )
        }
        let registry = registry(scene)
        let name = "countersign_certificate_not_after_timestamp_seconds"
        #expect(value(#"\#(name){identity_provider="",use="listener"}"#, registry) == "\(end)")
        #expect(value(#"\#(name){identity_provider="points",use="upstream"}"#, registry) == "\(end)")
        _ = try scene.reload()
        #expect(!registry.text.contains(name), "those of the current configuration")
    }

    @Test func knowsItsProcess() throws {
        let registry = registry(try ServiceScene())
        func read(_ series: String) throws -> Double { try number(series, registry) }
        #expect(try read("process_cpu_seconds_total") > 0)
        #expect(try read("process_resident_memory_bytes") > 1_000_000)
        #expect(try read("process_virtual_memory_bytes") > read("process_resident_memory_bytes"))
        #expect(try read("process_threads") >= 1)
        let files = try read("process_open_fds")
        let file = try FileHandle(forReadingFrom: URL(filePath: #filePath))
        #expect(try read("process_open_fds") > files - 1 && files >= 3)
        try file.close()
        #expect(try read("process_max_fds") >= files)
    }

    @Test func saysWhetherTheKeyDirectoryCanBeUsed() async throws {
        let scene = try ServiceScene()
        let registry = registry(scene)
        #expect(value("countersign_signing_keys_failing", registry) == "0.0")
        try scene.folder.write("signing/manifest.json", "{")
        await scene.routes.signingKeys.look()
        #expect(value("countersign_signing_keys_failing", registry) == "1.0")
    }

    @Test func countsWhatIsRevoked() async throws {
        let scene = try ServiceScene { $0.verifiers = [Self.asker] }
        let registry = registry(scene)
        #expect(value("countersign_revocations", registry) == "0.0")
        _ = try await scene.ask(
            .post, "/revocations",
            [.authorization: Self.asker.basic, .contentType: "application/x-www-form-urlencoded"], "device=till-1")
        #expect(value("countersign_revocations", registry) == "1.0")
    }

    /// The newest token tells how far the issuer's clock is from ours.
    @Test func showsTheClockOfAnIssuerOnceATokenHasCome() async throws {
        let scene = try ServiceScene()
        let registry = registry(scene)
        let series = #"countersign_issuer_clock_offset_seconds{tenant="acme-staging"}"#
        #expect(value(series, registry) == nil)
        _ = try await scene.logIn(ModelToken(issuedAt: scene.clock.now + .seconds(10), keyID: TestKeys.rs256.keyID))
        #expect(value(series, registry) == "10.0")
    }

    @Test func countsAndLogsThatTokensHaveChanged() async throws {
        let scene = try ServiceScene()
        let registry = registry(scene)
        let series = #"countersign_token_shape_changes_total{tenant="acme-staging"}"#
        #expect(value(series, registry) == nil)
        let token = ModelToken(issuedAt: scene.clock.now, keyID: TestKeys.rs256.keyID)
        for _ in 0..<10 { _ = try await scene.logIn(token) }
        #expect(value(series, registry) == "0.0")
        _ = try scene.reload()
        for _ in 0..<2 { _ = try await scene.logIn(token.claim("email", nil).claim("azp", .string("MARKER"))) }
        #expect(value(series, registry) == "1.0", "a reload forgets nothing")
        _ = try await scene.logIn(token.claim("name", nil))
        #expect(value(series, registry) == "2.0")
        let lines = scene.log.lines.filter { $0.contains("the shape of genuine tokens has changed") }
        #expect(
            lines.map { $0.split(separator: " changed ").last } == [
                "kids=1 missing= new=azp tenant=acme-staging", #"kids=1 missing="name" new= tenant=acme-staging"#,
            ])
        #expect(!scene.log.lines.contains { $0.contains("MARKER") })
    }

    @Test func showsTheKeysOfTenantsThatFetchThem() throws {
        let scene = try ServiceScene { $0.keys = "{ jwks_url: \"http://127.0.0.1:1/certs\" }" }
        let registry = registry(scene)
        #expect(value(#"countersign_issuer_keys{tenant="acme-staging"}"#, registry) == "0.0")
        #expect(value(#"countersign_issuer_keys_age_seconds{tenant="acme-staging"}"#, registry) == nil, "never fetched")
        #expect(
            value(#"countersign_issuer_keys{tenant="acme-staging"}"#, self.registry(try ServiceScene())) == nil,
            "keys in files are not fetched")
    }

    @Test func followsTheInternalServicesOfAReload() throws {
        let token = "kind: upstream, upstream: { url: \"http://127.0.0.1:1/t\", token_at: /t }"
        let scene = try ServiceScene { $0.providers = ServiceScene.Settings.provider("points", token: token) }
        let registry = registry(scene)
        #expect(value(#"countersign_upstream_breaker_open{identity_provider="points"}"#, registry) == "0.0")
        _ = try scene.reload { $0.providers = ServiceScene.Settings.provider("second", token: token) }
        #expect(value(#"countersign_upstream_breaker_open{identity_provider="points"}"#, registry) == nil)
        #expect(value(#"countersign_upstream_breaker_open{identity_provider="second"}"#, registry) == "0.0")
    }
}
