import Foundation
import TestSupport
import Testing
import TokenExchange

/// Sessions in a Redis that takes its clients over TLS, by the program and its configuration file.
@Suite struct StoreTransportTests {
    private func settings(_ redis: RedisTLSServer, bringing client: TestCertificate) -> CountersignProcess.Settings {
        var settings = CountersignProcess.Settings()
        settings.sessions = """
            { store: redis, redis: { url: "rediss://127.0.0.1:\(redis.port)/0", tls: { \
            ca_file: "\(redis.certificate.file)", client_certificate: { \
            certificate_chain: "\(client.file)", private_key: "\(client.keyFile)" } } } }
            """
        return settings
    }

    @Test func keepsSessionsInRedisOverTLSAndFollowsRotatedCertificates() async throws {
        let (certificate, client) = (try TestCertificate(), try TestCertificate())
        let redis = try await RedisTLSServer.start(certificate, clientAuthority: client)
        let service = try await CountersignProcess.start(settings(redis, bringing: client))
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        #expect(try service.session(identity).status == 200)
        #expect(try redis.server.connect().keys().count == 2)
        redis.server.kill()
        try certificate.replace(with: try TestCertificate())
        try client.replace(with: try TestCertificate())
        try await redis.server.restart()
        try await eventually("logins work again") { try service.exchange(try ModelToken.fresh()).status == 200 }
        #expect(try service.readiness().status == 200)
        #expect(try await service.terminate() == 0)
    }

    @Test func tellsInTheLogThatTheServerIsNotTrusted() async throws {
        let (certificate, client) = (try TestCertificate(), try TestCertificate())
        let redis = try await RedisTLSServer.start(try TestCertificate(), clientAuthority: client)
        var settings = settings(redis, bringing: client)
        settings.sessions = settings.sessions.replacing(redis.certificate.file, with: certificate.file)
        let service = try await CountersignProcess.start(settings)
        #expect(try service.exchange(try ModelToken.fresh()).errorCode == "session_store_unavailable")
        #expect(service.log.contains("certificate is not trusted: 127.0.0.1:\(redis.port)"))
    }

    @Test func refusesToCheckInWithAKeyThatIsNotTheCertificates() async throws {
        let (certificate, client) = (try TestCertificate(), try TestCertificate())
        let redis = try await RedisTLSServer.start(certificate, clientAuthority: client)
        let folder = try CountersignProcess.prepare(settings(redis, bringing: client))
        let file = "\(folder.path)/countersign.yaml"
        let accepted = try await CountersignProcess.run("check-config", "--config", file)
        #expect(accepted.status == 0, "\(accepted.output)")
        try Data(contentsOf: URL(filePath: certificate.keyFile)).write(to: URL(filePath: client.keyFile))
        for command in ["check-config", "serve"] {
            let refused = try await CountersignProcess.run(command, "--config", file)
            #expect(refused.status == 1)
            #expect(
                refused.output.contains(
                    "countersign.yaml:6: sessions.redis.tls.client_certificate.private_key: expected the private key of the "
                        + "first certificate in \(client.file), found that of another"), "\(refused.output)")
        }
    }
}
