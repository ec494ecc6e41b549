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

    private func registry(_ scene: ServiceScene) throws -> PrometheusRegistry {
        let blueprint = try Blueprint(
            file: "\(scene.folder.path)/countersign.yaml", environment: [:], now: scene.clock.now)
        return PrometheusRegistry(
            blueprint, routes: scene.routes,
            loops: LoopWatch(MultiThreadedEventLoopGroup.singleton.makeIterator()), logs: LogQueue(limit: 65_536))
    }

    /// The value of a series as the text has it; nil if there is none.
    private func value(_ series: String, _ registry: PrometheusRegistry) -> String? {
        registry.text.split(separator: "\n").first { $0.hasPrefix(series + " ") }
            .map { String($0.dropFirst(series.count + 1)) }
    }

    @Test func describesEveryMetric() throws {
        let scene = try ServiceScene { $0.keys = "{ jwks_url: \"http://127.0.0.1:1/certs\" }" }
        let lines = try registry(scene).text.split(separator: "\n")
        let types = lines.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] }
        let helps = lines.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ")[2] }
        #expect(types == helps && types.count >= 17, "\(types)")
    }

    @Test func countsKeysByAlgorithmAndState() throws {
        let scene = try ServiceScene()
        let registry = try registry(scene)
        #expect(value(#"countersign_signing_keys{algorithm="ES256",state="active"}"#, registry) == "1.0")
        #expect(value(#"countersign_signing_keys{algorithm="RS256",state="active"}"#, registry) == "0.0")
        scene.clock.advance(by: .seconds(60))
        #expect(value(#"countersign_signing_key_age_seconds{algorithm="ES256"}"#, registry) == "60.0")
        #expect(value(#"countersign_signing_key_age_seconds{algorithm="RS256"}"#, registry) == nil, "there is none")
    }

    @Test func saysWhetherTheKeyDirectoryCanBeUsed() async throws {
        let scene = try ServiceScene()
        let registry = try registry(scene)
        #expect(value("countersign_signing_keys_failing", registry) == "0.0")
        try scene.folder.write("signing/manifest.json", "{")
        await scene.routes.signingKeys.look()
        #expect(value("countersign_signing_keys_failing", registry) == "1.0")
    }

    @Test func countsWhatIsRevoked() async throws {
        let scene = try ServiceScene { $0.verifiers = [Self.asker] }
        let registry = try registry(scene)
        #expect(value("countersign_revocations", registry) == "0.0")
        _ = try await scene.ask(
            .post, "/revocations",
            [.authorization: Self.asker.basic, .contentType: "application/x-www-form-urlencoded"], "device=till-1")
        #expect(value("countersign_revocations", registry) == "1.0")
    }

    /// The newest token tells how far the issuer's clock is from ours.
    @Test func showsTheClockOfAnIssuerOnceATokenHasCome() async throws {
        let scene = try ServiceScene()
        let registry = try registry(scene)
        let series = #"countersign_issuer_clock_offset_seconds{tenant="acme-staging"}"#
        #expect(value(series, registry) == nil)
        _ = try await scene.logIn(ModelToken(issuedAt: scene.clock.now + .seconds(10), keyID: TestKeys.rs256.keyID))
        #expect(value(series, registry) == "10.0")
    }

    @Test func countsAndLogsThatTokensHaveChanged() async throws {
        let scene = try ServiceScene()
        let registry = try registry(scene)
        let series = #"countersign_token_shape_changes{tenant="acme-staging"}"#
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
        let registry = try registry(scene)
        #expect(value(#"countersign_issuer_keys{tenant="acme-staging"}"#, registry) == "0.0")
        #expect(value(#"countersign_issuer_keys_age_seconds{tenant="acme-staging"}"#, registry) == nil, "never fetched")
        #expect(
            value(#"countersign_issuer_keys{tenant="acme-staging"}"#, try self.registry(ServiceScene())) == nil,
            "keys in files are not fetched")
    }

    @Test func followsTheInternalServicesOfAReload() throws {
        let token = "kind: upstream, upstream: { url: \"http://127.0.0.1:1/t\", token_at: /t }"
        let scene = try ServiceScene { $0.providers = ServiceScene.Settings.provider("points", token: token) }
        let registry = try registry(scene)
        #expect(value(#"countersign_upstream_breaker_open{identity_provider="points"}"#, registry) == "0.0")
        _ = try scene.reload { $0.providers = ServiceScene.Settings.provider("second", token: token) }
        #expect(value(#"countersign_upstream_breaker_open{identity_provider="points"}"#, registry) == nil)
        #expect(value(#"countersign_upstream_breaker_open{identity_provider="second"}"#, registry) == "0.0")
    }
}
