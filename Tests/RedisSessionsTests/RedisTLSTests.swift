import Foundation
import NIOSSL
import RedisSessions
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisTLSTests {
    private let certificate: TestCertificate

    init() throws { certificate = try TestCertificate() }

    private func configuration(
        _ server: RedisTLSServer, trusting authority: TestCertificate? = nil, bringing client: TestCertificate? = nil,
        commandTimeout: Duration = ample
    ) -> RedisConfiguration {
        let tls = Self.tls(trusting: authority ?? server.certificate, bringing: client)
        return RedisSessionsTests.configuration(port: server.port, tls: tls, commandTimeout: commandTimeout)
    }

    private static func tls(trusting authority: TestCertificate, bringing client: TestCertificate? = nil) -> RedisTLS {
        RedisTLS {
            var configuration = try client?.clientConfiguration ?? .makeClientConfiguration()
            configuration.trustRoots = .certificates(try authority.certificates)
            return configuration
        }
    }

    private func expectFault(
        _ fault: String, _ configuration: RedisConfiguration, _ at: SourceLocation = #_sourceLocation
    ) async throws {
        guard case .standalone(let address) = configuration.topology else { return }
        try await withStore(configuration) { store in
            try await expect(.notConnected(detail: "\(fault): \(address)"), at) {
                try await store.check(within: ample)
            }
        }
    }

    @Test(arguments: SessionStoreConformance.checks)
    func keepsThePromisesOfTheStore(check: SessionStoreConformance.Check) async throws {
        let tls = try await RedisTLSServer.start(certificate)
        try await withStore(configuration(tls)) { store in
            let harness = SessionStoreHarness(store: store, now: { clock.now }) { ending in
                let (kind, key) = ending.record
                try tls.server.command("DEL", redisKey(kind, key))
            }
            try await check.run(harness)
        }
    }

    // MARK: Whom it trusts

    @Test func refusesTheCertificateOfAnotherAuthority() async throws {
        let server = try await RedisTLSServer.start(certificate)
        let other = try TestCertificate()
        try await expectFault("certificate is not trusted", configuration(server, trusting: other))
        withExtendedLifetime(other) {}
    }

    @Test func refusesACertificateForAnotherHost() async throws {
        let server = try await RedisTLSServer.start(try TestCertificate(names: "DNS:redis.example,IP:127.0.0.2"))
        try await expectFault("certificate is not for this host", configuration(server))
    }

    @Test func comparesTheCertificateWithTheConfiguredName() async throws {
        let server = try await RedisTLSServer.start(try TestCertificate(names: "DNS:redis.example"))
        var configuration = configuration(server)
        configuration.tls?.serverName = "redis.example"
        try await withStore(configuration) { try await $0.check(within: ample) }
        configuration.tls?.serverName = "sider.example"
        try await expectFault("certificate is not for this host", configuration)
    }

    @Test func refusesAServerWithoutTLS() async throws {
        let server = try await RedisServer.start()
        let tls = Self.tls(trusting: certificate)
        let configuration = RedisSessionsTests.configuration(
            port: server.port, tls: tls, commandTimeout: .milliseconds(200))
        try await withStore(configuration) { store in
            let failure = try await cause { try await store.check(within: .seconds(1)) }
            // Redis takes the greeting of TLS for a command whose line never ends, unless a random byte ends it.
            let faults = ["server does not speak TLS: 127.0.0.1:\(server.port)", "handshake timed out"]
            #expect(faults.contains { failure == .notConnected(detail: $0) })
        }
    }

    @Test func tellsAClientWithoutTLSThatTheServerCloses() async throws {
        let server = try await RedisTLSServer.start(certificate)
        try await withStore(RedisSessionsTests.configuration(port: server.port)) { store in
            let failure = try await cause { try await store.check(within: ample) }
            let faults = ["connection closed by server", "connection closed early: 127.0.0.1:\(server.port)"]
            #expect(faults.contains { failure == .notConnected(detail: $0) })
        }
    }

    // MARK: Our own certificate

    @Test func bringsItsCertificateWhereTheServerAsksForOne() async throws {
        let (client, other) = (try TestCertificate(), try TestCertificate())
        let server = try await RedisTLSServer.start(certificate, clientAuthority: client)
        try await withStore(configuration(server, bringing: client)) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
        }
        try await expectFault("server asks for a client certificate", configuration(server))
        try await expectFault(
            "server refuses our certificate", configuration(server, bringing: other))
    }

    // MARK: Files

    @Test func usesCertificatesThatWereRotatedOnDiskAtTheNextConnect() async throws {
        let client = try TestCertificate()
        let tls = try await RedisTLSServer.start(certificate, clientAuthority: client)
        let log = RecordedLog()
        try await withStore(configuration(tls, bringing: client), logger: log.logger) { store in
            try await store.check(within: ample)
            tls.server.kill()
            try certificate.replace(with: try TestCertificate())
            try client.replace(with: try TestCertificate())
            try await tls.server.restart()
            try await eventually("the new certificates are used", within: .seconds(2)) {
                log.lines.last == "notice: Redis connection restored"
            }
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
        }
    }

    @Test func tellsThatAFileIsMissingAndHealsWhenItIsThere() async throws {
        let server = try await RedisTLSServer.start(certificate)
        let folder = TemporaryFolder()
        var configuration = configuration(server)
        let file = "\(folder.path)/authority.pem"
        struct Absent: Error, CustomStringConvertible { let description = "no such file" }
        configuration.tls = RedisTLS { [certificate] in
            guard FileManager.default.fileExists(atPath: file) else { throw Absent() }
            return try certificate.clientConfiguration
        }
        try await withStore(configuration) { store in
            try await expect(.notConnected(detail: "TLS certificates or key could not be read: no such file")) {
                try await store.check(within: ample)
            }
            try folder.write("authority.pem", "")
            try await eventually("the file is used", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }

    // MARK: Time

    @Test func waitsForAServerThatHangs() async throws {
        let tls = try await RedisTLSServer.start(certificate)
        try await withStore(configuration(tls, commandTimeout: .milliseconds(250)), threads: 1) { store in
            try await store.check(within: ample)
            tls.server.stop()
            try await expect(.timedOut) { try await store.check(within: .milliseconds(300)) }
            async let patient: Void = store.check(within: ample)
            tls.server.resume()
            try await patient
        }
    }
}
