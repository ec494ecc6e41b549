import Foundation
import TestSupport
import Testing
import TokenExchange

/// Who is answered by the operations listener of the real program, seen by other TLS implementations.
@Suite struct OperationsListenerTests {
    private typealias Settings = CountersignProcess.Settings

    private static let secret = "an-operations-secret"

    // MARK: - A secret

    @Test func asksForASecretAndFollowsItsRenewal() async throws {
        var settings = Settings()
        settings.operations = "{ address: \"127.0.0.1:0\", bearer: { file: operations-secret } }"
        let folder = try CountersignProcess.prepare(settings)
        func write(_ secret: String) throws {
            chmod(try folder.write("operations-secret", secret), 0o600)
        }
        try write(Self.secret)
        let service = try await CountersignProcess.start(in: folder)
        func status(_ path: String, _ secret: String?) throws -> Int {
            var headers: [String: String] = [:]
            headers["Authorization"] = secret.map { "Bearer \($0)" }
            return try HTTPConnection(port: service.operationsPort).request("GET", path, headers: headers).status
        }
        #expect(try status("/metrics", nil) == 401 && status("/metrics", Self.secret) == 200)
        #expect(try status("/livez", nil) == 200 && status("/readyz", nil) == 200)
        try write("another-operations-secret")
        #expect(try status("/metrics", Self.secret) == 200, "nobody has asked for it yet")
        service.signal(SIGHUP)
        try await eventually("the new secret counts") { try status("/metrics", "another-operations-secret") == 200 }
        #expect(try status("/metrics", Self.secret) == 401)
        // A listener that asked keeps asking until it is started again.
        settings.operations = "{ address: \"127.0.0.1:0\", open: true }"
        try folder.write("countersign.yaml", settings.yaml)
        service.signal(SIGHUP)
        try await eventually("that waits for a restart") { service.log.contains("\"settings\":\"listen\"") }
        #expect(try status("/metrics", nil) == 401 && status("/metrics", "another-operations-secret") == 200)
        #expect(!service.log.contains(Self.secret))
        #expect(try await service.terminate() == 0)
    }

    // MARK: - Certificates

    /// A file with a certificate that is its own authority, and its key.
    /// - Parameter days: until it expires.
    private static func pair(days: Int, in folder: TemporaryFolder) async throws -> String {
        let file = "\(folder.path)/pair\(days).pem"
        let script = """
            import datetime, sys
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec
            key = ec.generate_private_key(ec.SECP256R1())
            name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
            now = datetime.datetime.now(datetime.timezone.utc)
            certificate = (
                x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=9))
                .not_valid_after(now + datetime.timedelta(days=int(sys.argv[2])))
                .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                .sign(key, hashes.SHA256()))
            with open(sys.argv[1], "wb") as file:
                file.write(certificate.public_bytes(serialization.Encoding.PEM))
                file.write(key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            """
        let made = try await CountersignProcess.run(CountersignProcess.python, ["-c", script, file, String(days)])
        #expect(made.status == 0, "\(made.output)")
        return file
    }

    /// An answer's status; 0 if there is none.
    /// - Parameter client: the files of its certificate and its key; empty for none.
    private func status(
        _ service: CountersignProcess, trusting server: TestCertificate, _ client: [String]
    ) async throws -> Int {
        let script = """
            import http.client, ssl, sys
            context = ssl.create_default_context(cafile=sys.argv[1])
            if len(sys.argv) > 3: context.load_cert_chain(sys.argv[3], sys.argv[4])
            try:
                connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[2]), context=context, timeout=10)
                connection.request("GET", "/livez")
                print(connection.getresponse().status)
            except OSError: print(0)
            """
        let result = try await CountersignProcess.run(
            "python3",
            ["-c", script, server.file, String(service.operationsPort)] + client)
        return Int(result.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    @Test func asksForCertificatesAndFollowsTheirRenewal() async throws {
        let (server, client, stranger) = (try TestCertificate(), try TestCertificate(), try TestCertificate())
        var settings = Settings()
        let folder = try CountersignProcess.prepare(settings)
        let (valid, expired) = (try await Self.pair(days: 1, in: folder), try await Self.pair(days: -1, in: folder))
        func authorities(_ files: String...) throws {
            try folder.write("clients.pem", try files.map { try String(contentsOfFile: $0, encoding: .utf8) }.joined())
        }
        try authorities(client.file, valid, expired)
        settings.operations = """
            { address: "127.0.0.1:0", client_certificates: clients.pem, tls: { certificate_chain: \(server.file), \
            private_key: \(server.keyFile) } }
            """
        try folder.write("countersign.yaml", settings.yaml)
        let service = try await CountersignProcess.start(in: folder)
        func status(_ files: String...) async throws -> Int { try await self.status(service, trusting: server, files) }
        #expect(try await status(client.file, client.keyFile) == 200)
        #expect(try await status() == 0, "none")
        #expect(try await status(stranger.file, stranger.keyFile) == 0, "of another authority")
        #expect(try await status(valid, valid) == 200)
        #expect(try await status(expired, expired) == 0)
        // Those after it may have no line of their own.
        let refusal = service.log.split(separator: "\n").first {
            $0.contains("a client was refused in the TLS handshake")
        }
        #expect(refusal?.contains("it showed no certificate") == true, "\(refusal ?? "")")

        try authorities(stranger.file)
        service.signal(SIGHUP)
        try await eventually("the new authority counts", within: .seconds(20)) {
            try await status(stranger.file, stranger.keyFile) == 200
        }
        #expect(try await status(client.file, client.keyFile) == 0, "the old one does no more")
        #expect(try await service.terminate() == 0)
    }

    @Test func saysWhatIsWrongWithTheFileOfAuthorities() async throws {
        let server = try TestCertificate()
        var settings = Settings()
        settings.operations = """
            { address: "0.0.0.0:0", client_certificates: "\(server.keyFile)", tls: { certificate_chain: \(server.file), \
            private_key: \(server.keyFile) } }
            """
        let folder = try CountersignProcess.prepare(settings)
        let file = "\(folder.path)/countersign.yaml"
        for command in ["check-config", "serve", "doctor"] {
            let found = try await CountersignProcess.run(command, "--config", file)
            #expect(found.status == 1)
            #expect(
                found.output.contains("listen.operations.client_certificates: expected certificates in PEM"),
                "\(found.output)")
        }
    }

    @Test func doesNotStartForEverybodyByMistake() async throws {
        var settings = Settings()
        settings.operations = "\"0.0.0.0:0\""
        let folder = try CountersignProcess.prepare(settings)
        let file = "\(folder.path)/countersign.yaml"
        for command in ["check-config", "serve", "doctor"] {
            let found = try await CountersignProcess.run(command, "--config", file)
            #expect(found.status == 1)
            #expect(
                found.output.contains(
                    "countersign.yaml:2: listen.operations: expected an address of this machine alone, or clients that prove "
                        + "who they are, found 0.0.0.0:0 for everybody. Write `listen.operations` as a mapping with "
                        + "`address` and one of: `client_certificates` beside `tls`; `bearer`, a secret for requests; "
                        + "`open: true` if"), "\(found.output)")
        }
    }
}
