import Foundation
import TestSupport
import Testing
import TokenExchange

/// New certificates of the public listener, as whoever renews them puts them there, seen by other TLS implementations.
@Suite struct CertificateReloadTests {
    private let certificate: TestCertificate
    private let renewed: TestCertificate

    init() throws {
        certificate = try TestCertificate()
        renewed = try TestCertificate()
    }

    private func settings() -> CountersignProcess.Settings {
        var settings = CountersignProcess.Settings()
        let (chain, key) = (certificate.file, certificate.keyFile)
        settings.listenMore = ", tls: { certificate_chain: \(chain), private_key: \(key) }"
        return settings
    }

    /// A copy for clients: the service's own files are replaced.
    private func authority(in folder: TemporaryFolder) throws -> String {
        try folder.write("authority.pem", String(contentsOfFile: certificate.file, encoding: .utf8))
    }

    /// Whether a new connection is proven genuine by `authority`.
    private func isTrusted(_ service: CountersignProcess, by authority: String) async throws -> Bool {
        let result = try await CountersignProcess.run(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(service.publicPort)", "-CAfile", authority, "-verify_ip",
                "127.0.0.1", "-verify_return_error",
            ])
        return result.status == 0
    }

    @Test func newConnectionsUseANewCertificateAndOldOnesGoOn() async throws {
        let service = try await CountersignProcess.start(settings())
        let folder = service.folder.path
        let old = try authority(in: service.folder)
        let client = """
            import http.client, os, ssl, sys, time
            context = ssl.create_default_context(cafile=sys.argv[1])
            connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[2]), context=context)
            def ask():
                connection.request("GET", "/.well-known/jwks.json")
                answer = connection.getresponse()
                answer.read()
                print(answer.status)
            ask()
            socket = connection.sock
            open(sys.argv[3], "w").close()
            while not os.path.exists(sys.argv[4]): time.sleep(0.01)
            ask()
            print(connection.sock is socket)
            """
        async let kept = CountersignProcess.run(
            "python3", ["-c", client, old, String(service.publicPort), "\(folder)/asked", "\(folder)/renewed"])
        try await eventually("a connection stands", within: .seconds(20)) {
            FileManager.default.fileExists(atPath: "\(folder)/asked")
        }
        #expect(try await isTrusted(service, by: old))
        try certificate.replace(with: renewed)
        #expect(try await isTrusted(service, by: old), "nobody has asked for it yet")
        service.signal(SIGHUP)
        try await eventually("the new certificate is used") { try await isTrusted(service, by: renewed.file) }
        #expect(try await !isTrusted(service, by: old))
        try service.folder.write("renewed", "")
        let answers = try await kept
        #expect(answers.output == "200\n200\nTrue\n", "\(answers.output)")
    }

    @Test func keepsTheOldPairWhereOnlyTheKeyIsNew() async throws {
        let service = try await CountersignProcess.start(settings())
        let old = try authority(in: service.folder)
        try Data(contentsOf: URL(filePath: renewed.keyFile)).write(to: URL(filePath: certificate.keyFile))
        var more = settings()
        more.providers += CountersignProcess.Settings.provider("notes")
        try service.folder.write("countersign.yaml", more.yaml)
        service.signal(SIGHUP)
        try await eventually("it is refused") {
            service.log.split(separator: "\n").contains {
                $0.contains("not reloaded") && $0.contains(certificate.keyFile)
            }
        }
        #expect(try await isTrusted(service, by: old))
        #expect(!service.log.contains("configuration and keys reloaded"), "nor is anything else taken up")
        try certificate.replace(with: renewed)
        service.signal(SIGHUP)
        try await eventually("the whole pair is used") { try await isTrusted(service, by: renewed.file) }
    }
}
