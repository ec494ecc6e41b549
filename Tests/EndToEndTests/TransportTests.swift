import Foundation
import TestSupport
import Testing
import TokenExchange

/// The public listener with TLS, asked by another TLS implementation.
@Suite struct TransportTests {
    @Test func servesTLSWithItsCertificate() async throws {
        var settings = CountersignProcess.Settings()
        settings.listenMore = ", tls: { certificate_chain: server.pem, private_key: server.key }"
        let folder = try CountersignProcess.prepare(settings)
        let made = try await CountersignProcess.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-keyout", "\(folder.path)/server.key", "-out", "\(folder.path)/server.pem", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=IP:127.0.0.1",
            ])
        #expect(made.status == 0)
        let service = try await CountersignProcess.start(in: folder)
        let client = """
            import ssl, sys, urllib.request
            context = ssl.create_default_context(cafile=sys.argv[1])
            print(urllib.request.urlopen(sys.argv[2], context=context).read().decode())
            """
        let result = try await CountersignProcess.run(
            CountersignProcess.python,
            [
                "-c", client, "\(folder.path)/server.pem",
                "https://127.0.0.1:\(service.publicPort)/.well-known/jwks.json",
            ])
        #expect(result.status == 0 && result.output.contains("\"ES256\""), "\(result.output)")
        let plain = try service.connect()
        try plain.send("GET /.well-known/jwks.json HTTP/1.1\r\n\r\n")
        #expect(plain.isClosed(), "plain HTTP gets no answer")
    }
}
