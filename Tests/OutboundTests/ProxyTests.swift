import Outbound
import TestSupport
import Testing
import TokenExchange

/// Servers that are reached through a proxy, and proxies on their bad days.
@Suite struct ProxyTests {
    private static func proxy(_ fake: FakeProxy, _ credentials: OutboundProxy.Credentials? = nil) -> OutboundProxy {
        OutboundProxy(host: "127.0.0.1", port: fake.port, credentials: credentials)
    }

    @Test(arguments: [false, true])
    func reachesAServerThroughATunnel(offersHTTP2: Bool) async throws {
        let certificate = try TestCertificate(names: "DNS:loyalty.acme.example")
        let server = try await FakeUpstream.start(.body("{}"), certificate: certificate, offersHTTP2: offersHTTP2)
        let fake = try await FakeProxy.start()
        let url = "https://loyalty.acme.example:\(server.port)/tokens"
        let client = try Client(trusting: certificate, proxy: Self.proxy(fake), to: [url])
        for _ in 0..<3 { #expect(try await client.text(url) == "{}") }
        #expect(fake.targets == ["loyalty.acme.example:\(server.port)"], "the tunnel is kept")
        #expect(server.requests.allSatisfy { $0.isHTTP2 == offersHTTP2 && $0.header("Proxy-Authorization") == nil })
        #expect(fake.heads.allSatisfy { !$0.contains("Proxy-Authorization") })
        try await server.stop()
        try await fake.stop()
    }

    @Test func reachesPlainServersThroughATunnelAndOthersDirectly() async throws {
        let behind = try await FakeUpstream.start(.body("behind"))
        let other = try await FakeUpstream.start(.body("other"))
        let fake = try await FakeProxy.start()
        let client = try Client(proxy: Self.proxy(fake), to: [behind.url])
        #expect(try await client.text(behind.url) == "behind")
        #expect(try await client.text(other.url) == "other")
        #expect(fake.targets == ["127.0.0.1:\(behind.port)"])
        try await behind.stop()
        try await other.stop()
        try await fake.stop()
    }

    @Test func provesItselfByAPasswordThatIsReadForEachConnection() async throws {
        let server = try await FakeUpstream.start(.body("{}", headers: ["Connection": "close"]))
        let fake = try await FakeProxy.start()
        let passwords = CallCount()
        let credentials = OutboundProxy.Credentials(
            username: "countersign", password: UpstreamSecret(place: "file p") { _ in "pass:\(passwords.next())" })
        let client = try Client(proxy: Self.proxy(fake, credentials), to: [server.url])
        for _ in 0..<2 { _ = try await client.text(server.url) }
        let found = fake.heads.map { $0.split(separator: "\r\n").last.map(String.init) }
        // "countersign:pass:1" and "countersign:pass:2".
        #expect(
            found == [
                "Proxy-Authorization: Basic Y291bnRlcnNpZ246cGFzczox",
                "Proxy-Authorization: Basic Y291bnRlcnNpZ246cGFzczoy",
            ])
        try await server.stop()
        try await fake.stop()
    }

    @Test func saysWhichPasswordCannotBeRead() async throws {
        struct Unreadable: Error, CustomStringConvertible { let description = "no such file" }
        let credentials = OutboundProxy.Credentials(
            username: "u", password: UpstreamSecret(place: "file p") { _ in throw Unreadable() })
        let proxy = OutboundProxy(host: "127.0.0.1", port: 9, credentials: credentials)
        let url = "http://127.0.0.1:8/"
        let fault = await (try Client(proxy: proxy, to: [url])).fault(url)
        #expect(fault == OutboundFault(.notSent, "proxy 127.0.0.1:9: no such file"))
    }

    struct BadProxy: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let behaviour: FakeProxy.Behaviour
        let fault: OutboundFault.Kind
        let cause: String
    }

    private static let endless = "a head of more than 16384 bytes"

    private static let bad = [
        BadProxy(
            testDescription: "asks for credentials",
            behaviour: .answer("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            fault: .broken, cause: "status 407"),
        BadProxy(
            testDescription: "forbids", behaviour: .answer("HTTP/1.0 403 Forbidden\r\nContent-Length: 6\r\n\r\nMARKER"),
            fault: .broken, cause: "status 403"),
        BadProxy(
            testDescription: "talks rubbish", behaviour: .answer("MARKER\r\n\r\n"), fault: .broken,
            cause: "no valid HTTP"),
        BadProxy(
            testDescription: "closes", behaviour: .answer(""), fault: .broken, cause: "connection closed early"),
        BadProxy(
            testDescription: "says too much", behaviour: .answer("HTTP/1.1 200 OK\r\n\r\nMARKER"), fault: .broken,
            cause: "more than an answer to CONNECT"),
        BadProxy(
            testDescription: "talks without end", behaviour: .pour(String(repeating: " ", count: 16_384)),
            fault: .broken,
            cause: endless),
        BadProxy(
            testDescription: "sends blanks in a header without end",
            behaviour: .pour("HTTP/1.1 200 OK\r\nX:" + String(repeating: " ", count: 16_384)), fault: .broken,
            cause: endless),
        BadProxy(
            testDescription: "hangs", behaviour: .silence, fault: .timedOut, cause: "timed out: no tunnel within 2500ms"
        ),
    ]

    @Test(arguments: bad)
    func blamesAProxyThat(_ bad: BadProxy) async throws {
        let server = try await FakeUpstream.start(.body("{}"))
        let fake = try await FakeProxy.start(bad.behaviour)
        let client = try Client(proxy: Self.proxy(fake), to: [server.url])
        let limit = bad.fault == .timedOut ? Duration.milliseconds(2500) : .seconds(10)
        let fault = await client.fault(server.url, within: limit)
        #expect(fault == OutboundFault(bad.fault, "proxy 127.0.0.1:\(fake.port): \(bad.cause)"))
        #expect(server.connectionCount == 0 && fake.bytesSent < 16 << 20)
        // It is tried again when it has come to its senses.
        fake.behave(.tunnel)
        #expect(await client.fault(server.url) == nil)
        try await server.stop()
        try await fake.stop()
    }

    @Test func blamesAProxyThatIsDown() async throws {
        let fake = try await FakeProxy.start()
        let (proxy, port) = (Self.proxy(fake), fake.port)
        try await fake.stop()
        let url = "https://loyalty.acme.example/"
        let fault = await (try Client(proxy: proxy, to: [url])).fault(url)
        #expect(fault == OutboundFault(.notSent, "proxy 127.0.0.1:\(port): connection refused"))
    }

    @Test func blamesAServerBehindAProxyForItsOwnFaults() async throws {
        let certificate = try TestCertificate(names: "DNS:loyalty.acme.example")
        let server = try await FakeUpstream.start(.silence, certificate: certificate)
        let fake = try await FakeProxy.start()
        let (right, wrong) = ("https://loyalty.acme.example:\(server.port)", "https://other.example:\(server.port)")
        let client = try Client(trusting: certificate, proxy: Self.proxy(fake), to: [right, wrong])
        #expect(await client.fault(wrong) == OutboundFault(.broken, "certificate is not for this host"))
        let late = await client.fault(right, within: .milliseconds(2500))
        #expect(late == OutboundFault(.timedOut, "timed out: no whole answer within 2500ms"))
        try await server.stop()
        try await fake.stop()
    }
}
