import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// How the service reaches others: through a proxy, over connections that end, by secrets in files that hang.
@Suite(.serialized) struct WayOutTests {
    private typealias Settings = CountersignProcess.Settings
    private static let keySet = FakeHTTPServer.Answer.document(PublicJWK.set([TestKeys.rs256.publicKey]))

    private static func upstream(_ url: String, more: String = "") -> String {
        "kind: upstream, upstream: { url: \"\(url)\", token_at: /token\(more) }"
    }

    private static func login(_ service: CountersignProcess, _ provider: String) throws -> HTTPAnswer {
        try service.exchange(ModelToken.fresh(), device: UUID().uuidString, provider: provider)
    }

    // MARK: Files

    private static func keyed(_ fake: FakeHTTPServer, by file: String) -> String {
        upstream(fake.url, more: ", headers: { X-Api-Key: { file: \(file) } }")
    }

    @Test func servesOtherProvidersWhileTheSecretFileOfOneIsAPipe() async throws {
        let fake = try await FakeUpstream.start()
        var settings = Settings()
        settings.providers =
            Settings.provider("hanging", token: Self.keyed(fake, by: "hanging-key"), more: ", deadline: 2s")
            + Settings.provider(
                "optional", mode: "optional", token: Self.keyed(fake, by: "hanging-key"), more: ", deadline: 2s")
            + Settings.provider("points", token: Self.keyed(fake, by: "points-key")) + Settings.provider("vip-loyalty")
        let folder = try CountersignProcess.prepare(settings)
        for name in ["hanging-key", "points-key"] { chmod(try folder.write(name, "old-\(name)"), 0o600) }
        let service = try await CountersignProcess.start(in: folder)
        #expect(try Self.login(service, "hanging").status == 200)
        let hanging = "\(folder.path)/hanging-key"
        try FileManager.default.removeItem(atPath: hanging)
        #expect(mkfifo(hanging, 0o600) == 0)
        // More logins than there are threads, and then the others.
        let crowd = try (0..<40).map { _ in try service.connect() }
        for connection in crowd { try connection.login(ModelToken.fresh(), UUID().uuidString, "hanging") }
        let optional = try service.connect()
        try optional.login(ModelToken.fresh(), "till", "optional")
        let start = ContinuousClock.now
        for _ in 0..<5 {
            #expect(try Self.login(service, "points").status == 200)
            #expect(try Self.login(service, "vip-loyalty").status == 200)
        }
        #expect(try HTTPConnection(port: service.operationsPort).request("GET", "/livez").status == 200)
        for connection in crowd { #expect(try connection.answer().errorCode == "upstream_unavailable") }
        let answer = try optional.answer()
        #expect(answer.status == 200 && answer.headers["countersign-degraded"] == "upstream_unavailable")
        #expect(ContinuousClock.now - start < .seconds(10), "each within its deadline, and all at once")
        #expect(service.log.contains("expected a regular file, found \(hanging), a pipe or a device"))
        // A file that was replaced is read as it is now.
        try FileManager.default.removeItem(atPath: hanging)
        chmod(try folder.write("hanging-key", "new-key"), 0o600)
        #expect(try Self.login(service, "hanging").status == 200)
        #expect(fake.requests.last?.header("X-Api-Key") == "new-key")
        #expect(try await service.terminate() == 0)
        try await fake.stop()
    }

    // MARK: Proxies

    @Test func reachesKeySetsAndServicesThroughTheProxyOfTheMoment() async throws {
        let (issuer, fake) = (try await FakeIssuer.start(Self.keySet), try await FakeUpstream.start())
        let proxy = try await FakeProxy.start()
        var settings = Settings()
        settings.keys = "{ jwks_url: \"\(issuer.url)\", refresh: 1s, cooldown: 1s }"
        settings.providers = Settings.provider("points", token: Self.upstream(fake.url))
        settings.outbound = "{ proxy: \"\(proxy.url)\" }"
        let folder = try CountersignProcess.prepare(settings)
        let service = try await CountersignProcess.start(in: folder)
        #expect(try Self.login(service, "points").status == 200)
        #expect(Set(proxy.targets) == ["127.0.0.1:\(issuer.port)", "127.0.0.1:\(fake.port)"])
        // A proxy that is of no use is an outage, by its own name, and keys that were fetched go on.
        let bad = try await FakeProxy.start(.answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"))
        settings.outbound = "{ proxy: \"\(bad.url)\" }"
        try folder.write("countersign.yaml", settings.yaml)
        service.signal(SIGHUP)
        let blame = "proxy 127.0.0.1:\(bad.port): status 407"
        try await eventually("a login that is told so") {
            try Self.login(service, "points").errorCode == "upstream_unavailable"
        }
        #expect(service.log.contains(blame))
        try await eventually("readiness tells") { try service.readiness().text.contains("\(blame); keys of ") }
        #expect(try service.readiness().status == 200)
        // Directly, and as before.
        settings.outbound = "{ proxy: \"\(bad.url)\", no_proxy: [127.0.0.0/8] }"
        try folder.write("countersign.yaml", settings.yaml)
        service.signal(SIGHUP)
        try await eventually("a login") { try Self.login(service, "points").status == 200 }
        try await eventually("ready") { try service.readiness().text.contains(#""status":"ready""#) }
        #expect(try await service.terminate() == 0)
        for server in [issuer, fake] { try await server.stop() }
        for proxy in [proxy, bad] { try await proxy.stop() }
    }

    @Test func remarksOnAProxyInTheEnvironmentThatIsNotUsed() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        let result = try await CountersignProcess.run(
            "/usr/bin/env",
            [
                "HTTPS_PROXY=http://user:MARKER@proxy.example:3128", CountersignProcess.program, "check-config",
                "--config",
                "\(folder.path)/countersign.yaml",
            ])
        #expect(result.status == 0)
        #expect(result.output.contains("note: HTTPS_PROXY is set and not used"))
        #expect(!result.output.contains("MARKER"))
    }

    // MARK: Servers that misbehave

    @Test func losesNoLoginToAServiceThatClosesItsConnections() async throws {
        let server = try await ByteServer.start { _, request in
            request == 0 ? [.json(#"{"token":"up_\#(UUID().uuidString)"}"#)] : [.close]
        }
        var settings = Settings()
        settings.providers = Settings.provider("points", token: Self.upstream(server.url, more: ", idempotent: true"))
        let service = try await CountersignProcess.start(settings)
        for _ in 0..<20 { #expect(try Self.login(service, "points").status == 200) }
        #expect(server.connectionCount == 20)
        #expect(try service.readiness().text.contains(#""upstream.points":{"status":"ready"}"#))
        #expect(try await service.terminate() == 0)
        try await server.stop()
    }

    @Test func keepsItsMemoryWhereAnAnswerNeverEnds() async throws {
        let blanks = [UInt8](repeating: UInt8(ascii: " "), count: 65_536)
        let server = try await ByteServer.start { _, _ in [.send("HTTP/1.1 200 OK\r\nX:"), .pour(blanks)] }
        var settings = Settings()
        settings.keys = "{ jwks_url: \"\(server.url)\", timeout: 5s, cooldown: 1s }"
        let service = try await CountersignProcess.start(settings)
        let before = try service.peakMemory()
        try await eventually("three tries", within: .seconds(20)) { server.connectionCount >= 3 }
        let cause = "the head of its answer has more than 49152 bytes"
        try await eventually("readiness tells") { try service.readiness().text.contains(cause) }
        #expect(try Self.login(service, "vip-loyalty").errorCode == "issuer_keys_unavailable")
        #expect(try service.peakMemory() - before < 64 << 20)
        #expect(try await service.terminate() == 0)
        try await server.stop()
    }
}
