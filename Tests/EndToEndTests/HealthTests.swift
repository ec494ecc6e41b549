import Foundation
import TestSupport
import Testing
import TokenExchange

/// `countersign health`: readiness as an exit status, for container engines and process managers.
@Suite struct HealthTests {
    private typealias Settings = CountersignProcess.Settings

    /// With ports that the configuration names.
    private func settings(_ change: (inout Settings) -> Void = { _ in }) throws -> Settings {
        var settings = Settings()
        settings.ports = (0, try freeLoopbackPort())
        change(&settings)
        return settings
    }

    private func health(_ folder: TemporaryFolder, _ more: String...) async throws -> (status: Int, output: String) {
        let result = try await CountersignProcess.run(
            CountersignProcess.program, ["health", "--config", "\(folder.path)/countersign.yaml"] + more)
        return (result.status, result.output.replacing("\(folder.path)/", with: ""))
    }

    private func sentence(_ port: Int, _ rest: String, scheme: String = "http") -> String {
        "countersign.yaml:2: listen.operations: expected `ready` from \(scheme)://127.0.0.1:\(port)/readyz, found \(rest)\n"
    }

    @Test func followsTheServiceFromItsStartToItsEnd() async throws {
        let redis = try await RedisServer.start()
        let settings = try settings {
            $0.sessions = Settings.redis(redis)
            $0.shutdown = "{ notice: 60s, grace: 5s }"
        }
        let folder = try CountersignProcess.prepare(settings)
        let port = settings.ports.operations
        let absent = try await health(folder)
        #expect(absent.status == 1)
        #expect(
            absent.output
                == sentence(
                    port,
                    "no answer (connection refused). Start the service with this file; if it runs, its log says where it "
                        + "listens."))
        let service = try await CountersignProcess.start(in: folder)
        let ready = try await health(folder)
        #expect(ready.status == 0 && ready.output == "ready\n")
        redis.kill()
        let ill = try await health(folder)
        #expect(ill.status == 1)
        #expect(ill.output.hasPrefix(sentence(port, "unavailable (session_store: ").dropLast()), "\(ill.output)")
        #expect(ill.output.split(separator: "\n").count == 1)
        service.signal(SIGTERM)
        try await eventually("it leaves") { try service.readiness().text.contains("draining") }
        let leaving = try await health(folder)
        #expect(leaving.status == 1)
        #expect(leaving.output == sentence(port, "draining. It leaves: send it no new requests."))
        service.signal(SIGINT)
        #expect(try await service.exitStatus() == 0)
    }

    @Test func isWellIfOnlyOptionalProvidersSuffer() async throws {
        let redis = try await RedisServer.start()
        let settings = try settings {
            $0.sessions = Settings.redis(redis)
            $0.providers = Settings.provider("vip-loyalty", mode: "optional")
        }
        let service = try await CountersignProcess.start(settings)
        redis.kill()
        let result = try await health(service.folder)
        #expect(result.status == 0 && result.output.hasPrefix("degraded (session_store: "), "\(result.output)")
        #expect(try await service.terminate() == 0)
    }

    /// Whoever watches the service has none of its secrets, and a wildcard address cannot be connected to everywhere.
    @Test func needsNoSecretAndNoKey() async throws {
        let port = try freeLoopbackPort()
        let settings = try settings {
            $0.operations = "{ address: \"0.0.0.0:\(port)\", bearer: { file: operations-secret } }"
            $0.verifiers = [TestVerifier("backend", of: "vip-loyalty")]
        }
        let folder = try CountersignProcess.prepare(settings)
        chmod(try folder.write("operations-secret", "an-operations-secret"), 0o600)
        let service = try await CountersignProcess.start(in: folder)
        let elsewhere = TemporaryFolder()
        try elsewhere.write("countersign.yaml", settings.yaml)
        let result = try await health(elsewhere)
        #expect(result.status == 0 && result.output == "ready\n", "\(result.output)")
        service.signal(SIGINT)
        #expect(try await service.exitStatus() == 0)
    }

    @Test func asksOverTLSWhateverTheCertificate() async throws {
        let certificate = try TestCertificate(names: "DNS:identity.acme.example")
        let port = try freeLoopbackPort()
        let settings = try settings {
            $0.operations = """
                { address: "127.0.0.1:\(port)", tls: { certificate_chain: "\(certificate.file)", \
                private_key: "\(certificate.keyFile)" } }
                """
        }
        let service = try await CountersignProcess.start(settings)
        let result = try await health(service.folder)
        #expect(result.status == 0 && result.output == "ready\n")
        #expect(try await service.terminate() == 0)
        // As if the service had been started with an older file.
        let plain = try await FakeHTTPServer.start(
            .whole(status: 200, headers: [:], body: []), FakeHTTPServer.Settings(port: port))
        let refused = try await health(service.folder)
        #expect(refused.status == 1)
        #expect(
            refused.output.hasPrefix(
                sentence(port, "no answer (server does not speak TLS). See", scheme: "https").dropLast()),
            "\(refused.output)")
        try await plain.stop()
    }

    @Test func showsACertificateToAListenerThatAsksForOne() async throws {
        let (server, client) = (try TestCertificate(), try TestCertificate())
        let port = try freeLoopbackPort()
        let settings = try settings {
            $0.operations = """
                { address: "127.0.0.1:\(port)", client_certificates: "\(client.file)", tls: { certificate_chain: \
                "\(server.file)", private_key: "\(server.keyFile)" } }
                """
        }
        let service = try await CountersignProcess.start(settings)
        let none = try await health(service.folder)
        #expect(none.status == 1)
        #expect(
            none.output
                == "countersign.yaml:2: listen.operations.client_certificates: expected a certificate to show to this "
                + "listener, found none. Name one, and its key, with --client-certificate and --client-key.\n")
        let options = { ["--client-certificate", $0, "--client-key", $1] }
        let own = options(client.file, client.keyFile)
        let shown = try await health(service.folder, own[0], own[1], own[2], own[3])
        #expect(shown.status == 0 && shown.output == "ready\n", "\(shown.output)")
        let strange = options(server.file, server.keyFile)
        let refused = try await health(service.folder, strange[0], strange[1], strange[2], strange[3])
        #expect(refused.status == 1 && refused.output.contains("found no answer ("), "\(refused.output)")
        #expect(try await health(service.folder, "--client-key", client.keyFile).status == 64)
        #expect(try await service.terminate() == 0)
    }

    /// Anything may listen there, and say anything.
    @Test(arguments: [
        FakeHTTPServer.Answer.whole(status: 200, headers: [:], body: Array("OK".utf8)),
        .whole(status: 404, headers: [:], body: Array("{}".utf8)),
        .whole(status: 200, headers: [:], body: Array(#"{"status":"UP"}"#.utf8)), .garbage, .endless, .cutOff,
    ])
    func takesNoOtherProgramForTheService(_ answer: FakeHTTPServer.Answer) async throws {
        let settings = try settings()
        let folder = try CountersignProcess.prepare(settings)
        let port = settings.ports.operations
        let other = try await FakeHTTPServer.start(answer, FakeHTTPServer.Settings(port: port))
        let result = try await health(folder)
        #expect(result.status == 1 && result.output.split(separator: "\n").count == 1, "\(result.output)")
        #expect(result.output.hasPrefix(sentence(port, "").dropLast()), "\(result.output)")
        #expect(result.output.contains("no other program listens") || result.output.contains("Another program"))
        try await other.stop()
    }

    @Test func waitsForAnAnswerAsLongAsItIsTold() async throws {
        let settings = try settings()
        let folder = try CountersignProcess.prepare(settings)
        let other = try await FakeHTTPServer.start(.silence, FakeHTTPServer.Settings(port: settings.ports.operations))
        let result = try await health(folder, "--timeout", "1s")
        #expect(result.status == 1)
        #expect(
            result.output
                == sentence(
                    settings.ports.operations,
                    "no answer (timed out: no whole answer within 1s). See whether the process hangs, or has too little CPU; "
                        + "--timeout waits longer."))
        try await other.stop()
        for timeout in ["0s", "soon"] { #expect(try await health(folder, "--timeout", timeout).status == 64) }
    }

    @Test func saysThatAPortWhichTheSystemChoosesCannotBeAsked() async throws {
        let result = try await health(try CountersignProcess.prepare(Settings()))
        #expect(result.status == 1)
        #expect(
            result.output
                == "countersign.yaml:2: listen.operations: expected a port that can be asked, found 0, for any that is free. "
                + "Choose a port, such as 8081.\n")
    }
}
