import Foundation
import TestSupport
import Testing
import TokenExchange

/// The real program over HTTP/2, asked by curl, and attacked.
@Suite struct HTTP2ServiceTests {
    private static let verifier = TestVerifier("asker", of: "vip-loyalty", mayRevoke: "true")

    private let certificate: TestCertificate

    init() throws {
        certificate = try TestCertificate()
    }

    private func start(_ more: String = "") async throws -> CountersignProcess {
        var settings = CountersignProcess.Settings()
        settings.listenMore =
            ", tls: { certificate_chain: \(certificate.file), private_key: \(certificate.keyFile) }\(more)"
        settings.verifiers = [Self.verifier]
        return try await CountersignProcess.start(settings)
    }

    /// The version of HTTP, the status and the body.
    private func curl(
        _ service: CountersignProcess, _ path: String, _ arguments: [String] = []
    ) async throws -> (version: String, status: Int, json: [String: Any]) {
        let result = try await CountersignProcess.run(
            "curl",
            [
                "--silent", "--show-error", "--http2", "--cacert", certificate.file, "--write-out",
                "\n%{http_version} %{http_code}", "https://127.0.0.1:\(service.publicPort)\(path)",
            ] + arguments)
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        let last = lines.last?.split(separator: " ") ?? []
        let body = lines.dropLast().joined(separator: "\n")
        let json = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        return (last.first.map(String.init) ?? result.output, last.last.flatMap { Int($0) } ?? 0, json)
    }

    @Test func logsInAsksAndRevokesOverHTTP2() async throws {
        let service = try await start()
        let token = String(decoding: try ModelToken.fresh(), as: UTF8.self)
        let login = try await curl(
            service, "/post_login_callback/vip-loyalty",
            ["--json", #"{"deviceId":"till-1","identity":"\#(token)"}"#])
        #expect(login.version == "2" && login.status == 200)
        let identity = try #require(login.json["external_identity"] as? String)
        let form = ["--user", "\(Self.verifier.id):\(Self.verifier.secret)", "--data-urlencode", "token=\(identity)"]
        let introspection = try await curl(service, "/introspect", form)
        #expect(introspection.version == "2" && introspection.json["active"] as? Bool == true)
        let bearer = ["--header", "Authorization: Bearer \(identity)"]
        #expect(try await curl(service, "/session", bearer).json["active"] as? Bool == true)
        #expect(try await curl(service, "/revoke", form).status == 200)
        #expect(try await curl(service, "/session", bearer).status == 401)
        let bad = try await curl(service, "/post_login_callback/vip-loyalty", ["--json", "{"])
        #expect(bad.status == 400 && bad.json["error_code"] as? String == "invalid_request")
        let old = try await curl(service, "/.well-known/jwks.json", ["--http1.1"])
        #expect(old.version == "1.1" && old.status == 200)
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains("countersign_http2_connections_total{listener=\"public\"} 6"))
        #expect(try await service.terminate() == 0)
    }

    @Test func isTurnedOffByTheConfiguration() async throws {
        let service = try await start(", http2: { enabled: false }")
        #expect(try await curl(service, "/.well-known/jwks.json").version == "1.1")
    }

    /// Many clients that hold what they can hold cost what the threat model says.
    @Test func holdsLittleForClientsThatHoldRequestsOpen() async throws {
        let service = try await start()
        _ = try await curl(service, "/.well-known/jwks.json")
        let before = try service.peakMemory()
        var clients: [HTTP2Client] = []
        let part = String(repeating: "x", count: 15_000)
        for _ in 0..<20 {
            let client = try await HTTP2Client.connect(port: service.publicPort, trusting: certificate)
            clients.append(client)
            for stream in (0..<100).map({ 2 * $0 + 1 }) {
                try await client.send(
                    .request(
                        stream, "/post_login_callback/vip-loyalty", method: "POST",
                        more: [("content-type", "application/json")], endsStream: false),
                    .body(stream, part, endsStream: false), .body(stream, part, endsStream: false))
            }
        }
        for client in clients {
            try await eventually("what is too much is refused", within: .seconds(20)) { client.resetCount > 50 }
        }
        #expect(try await curl(service, "/.well-known/jwks.json").status == 200)
        let grown = try service.peakMemory() - before
        // 512 KiB for each of them, in arrays that grow by doubling, and NIO's own.
        #expect(grown < 20 * 3 << 20, "\(grown >> 10) KiB, of 60 MB that were sent")
        withExtendedLifetime(clients) {}
        #expect(try await service.terminate() == 0)
    }
}
