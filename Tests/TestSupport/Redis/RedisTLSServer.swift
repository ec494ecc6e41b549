/// A real `redis-server` that takes its clients over TLS; only the test's own connections are in clear, on another port.
package final class RedisTLSServer: Sendable {
    package let port: Int
    package let certificate: TestCertificate
    /// To kill, stop and look into.
    package let server: RedisServer

    private init(port: Int, certificate: TestCertificate, server: RedisServer) {
        self.port = port
        self.certificate = certificate
        self.server = server
    }

    /// - Parameter clientAuthority: where clients must bring a certificate, the one that it comes from.
    package static func start(
        _ certificate: TestCertificate, clientAuthority: TestCertificate? = nil
    ) async throws -> RedisTLSServer {
        let port = try freeLoopbackPort()
        let server = try await RedisServer.start(arguments: [
            "--tls-port", String(port), "--tls-cert-file", certificate.file, "--tls-key-file", certificate.keyFile,
            "--tls-ca-cert-file", (clientAuthority ?? certificate).file,
            "--tls-auth-clients", clientAuthority == nil ? "no" : "yes",
        ])
        return RedisTLSServer(port: port, certificate: certificate, server: server)
    }
}
