import Foundation
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
        let tls = RedisTLS(
            certificateAuthorityFile: (authority ?? server.certificate).file,
            clientCertificate: client.map { .init(chain: $0.file, privateKey: $0.keyFile) })
        return RedisSessionsTests.configuration(port: server.port, tls: tls, commandTimeout: commandTimeout)
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
        let tls = RedisTLS(certificateAuthorityFile: certificate.file)
        let configuration = RedisSessionsTests.configuration(
            port: server.port, tls: tls, commandTimeout: .milliseconds(200))
        try await withStore(configuration) { store in
            let failure = try await cause { try await store.check(within: ample) }
            // Redis takes the greeting of TLS for a command whose line never ends, unless a random byte ends it.
            let faults = ["server does not speak TLS: 127.0.0.1:\(server.port)", "handshake timed out"]
            #expect(faults.contains { failure == .notConnected(detail: $0) })
        }
    }

    @Test func tellsAClientWithoutTLSThatTheServerCloses() async throws {
        let server = try await RedisTLSServer.start(certificate)
        try await withStore(RedisSessionsTests.configuration(port: server.port)) { store in
            let failure = try await cause { try await store.check(within: ample) }
            let faults = ["connection closed by server", "connection reset: 127.0.0.1:\(server.port)"]
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
        try await expectFault("server asks for a certificate of ours", configuration(server))
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
        configuration.tls?.certificateAuthorityFile = "\(folder.path)/authority.pem"
        try await withStore(configuration) { store in
            try await expect(.notConnected(detail: "TLS certificates or key could not be read")) {
                try await store.check(within: ample)
            }
            try folder.write("authority.pem", String(contentsOfFile: certificate.file, encoding: .utf8))
            try await eventually("the file is used", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }

    @Test func tellsWhichFileIsOfNoUse() throws {
        let other = try TestCertificate()
        let folder = TemporaryFolder()
        try folder.write("empty.pem", "")
        try folder.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        let (empty, broken) = ("\(folder.path)/empty.pem", "\(folder.path)/broken.pem")
        func problem(_ authority: String?, _ chain: String, _ key: String) -> RedisTLSProblem.Setting? {
            let tls = RedisTLS(
                certificateAuthorityFile: authority, clientCertificate: .init(chain: chain, privateKey: key))
            do {
                try tls.checkFiles()
                return nil
            } catch { return error.setting }
        }
        let (file, key) = (certificate.file, certificate.keyFile)
        #expect(problem(file, file, key) == nil)
        #expect(problem(nil, file, key) == nil)
        for useless in [empty, broken, key, "\(folder.path)/absent.pem"] {
            #expect(problem(useless, file, key) == .certificateAuthorityFile, "\(useless)")
            #expect(problem(file, useless, key) == .clientCertificateChain, "\(useless)")
        }
        for useless in [empty, broken, file, "\(folder.path)/absent.pem"] {
            #expect(problem(file, file, useless) == .clientPrivateKey, "\(useless)")
        }
        #expect(problem(file, file, other.keyFile) == .clientCertificate)
    }

    // MARK: Time

    @Test func replacesTheConnectionToAServerThatHangs() async throws {
        let tls = try await RedisTLSServer.start(certificate)
        try await withStore(configuration(tls, commandTimeout: .milliseconds(250)), threads: 1) { store in
            try await store.check(within: ample)
            tls.server.stop()
            try await expect(.timedOut) { try await store.check(within: ample) }
            try await eventually("the hung connection is given up", within: .seconds(3)) {
                switch try await cause({ try await store.check(within: ample) }) {
                case .notConnected(detail: "handshake timed out"): true
                default: false
                }
            }
            tls.server.resume()
            try await eventually("the store is back", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }
}
