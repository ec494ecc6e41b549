import Foundation
import TestSupport
import Testing
import TokenExchange

/// Certificates for calls of a retailer's own service, renewed while the program runs.
@Suite struct UpstreamCertificateTests {
    @Test func newConnectionsUseCertificatesThatAReloadHasRead() async throws {
        // Both sides prove themselves by one certificate; the service has copies of its own.
        let (first, second, ours) = (try TestCertificate(), try TestCertificate(), try TestCertificate())
        try ours.replace(with: first)
        let port = try freeLoopbackPort()
        let upstream = """
            kind: upstream, upstream: { url: "https://127.0.0.1:\(port)/", token_at: /token, expires_in_at: /expires_in, \
            ca_file: "\(ours.file)", body: { subject_token: { identity: true } }, \
            client_certificate: { certificate_chain: "\(ours.file)", private_key: "\(ours.keyFile)" } }
            """
        var settings = CountersignProcess.Settings()
        settings.providers = CountersignProcess.Settings.provider("points", token: upstream)
        // Before the servers, whose sockets it would keep open.
        let service = try await CountersignProcess.start(settings)
        var server = FakeHTTPServer.Settings(port: port)
        (server.certificate, server.asksForCertificate) = (first, true)
        // No two logins may get one token.
        func answer(_ token: String) -> FakeHTTPServer.Answer { .body(#"{"token":"\#(token)","expires_in":600}"#) }
        let before = try await FakeHTTPServer.start(answer("abc"), server)
        // Always somebody else, for whom no token has been kept.
        func login() throws -> HTTPAnswer {
            let token = try ModelToken.current.claim("sub", .string(UUID().uuidString)).signed(by: TestKeys.rs256)
            return try service.exchange(token, device: UUID().uuidString, provider: "points")
        }
        #expect(try login().externalIdentity == "abc")
        try await before.stop()
        server.certificate = second
        let after = try await FakeHTTPServer.start(answer("def"), server)
        #expect(try login().errorCode == "upstream_unavailable", "neither side trusts the other")
        try ours.replace(with: second)
        service.signal(SIGHUP)
        try await eventually("logins work again", within: .seconds(20)) { try login().status == 200 }
        let calls = after.connectionCount
        service.signal(SIGHUP)
        try await eventually("it has read the same again") {
            service.log.ranges(of: "configuration and keys reloaded").count == 2
        }
        after.set(answer("ghi"))
        #expect(try login().status == 200)
        #expect(after.connectionCount == calls, "a connection that works is kept")
        #expect(try await service.terminate() == 0)
        try await after.stop()
    }
}
