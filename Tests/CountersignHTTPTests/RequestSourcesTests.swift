import CoreMetrics
import CountersignHTTP
import Logging
import NIOCore
import TestSupport
import Testing
import TokenExchange

/// Who counts as the sender of a request, by its connection and its headers.
@Suite struct RequestSourcesTests {
    private static let proxy = "10.0.0.1"

    struct Case: Sendable, CustomTestStringConvertible {
        var peer = RequestSourcesTests.proxy
        /// Header lines in their order.
        let headers: [(String, String)]
        let source: String

        init(_ headers: [(String, String)], _ source: String, peer: String = RequestSourcesTests.proxy) {
            self.headers = headers
            self.source = source
            self.peer = peer
        }

        init(_ xForwardedFor: String..., is source: String) {
            self.init(xForwardedFor.map { ("X-Forwarded-For", $0) }, source)
        }

        init(forwarded: String..., is source: String) {
            self.init(forwarded.map { ("Forwarded", $0) }, source)
        }

        var testDescription: String { "\(peer) \(headers.map { "\($0): \($1.prefix(80))" })" }
    }

    private static let client = "192.0.2.7"

    static let xForwardedFor: [Case] = [
        Case([], proxy), Case([], "192.0.2.1", peer: "192.0.2.1"), Case([], "2001:db8::1", peer: "2001:db8::1"),
        Case([("X-Forwarded-For", client)], "192.0.2.1", peer: "192.0.2.1"),
        Case([("X-Forwarded-For", client)], client, peer: "::ffff:10.0.0.1"),
        Case([("x-forwarded-for", client)], client, peer: "fd00::1"),
        Case(client, is: client), Case(" \(client) ", is: client), Case("\(client),", is: client),
        Case("203.0.113.9, \(client)", is: client), Case("\(client), 10.0.0.2, 10.9.9.9", is: client),
        Case("10.0.0.3, 10.0.0.2", is: "10.0.0.3"), Case("203.0.113.9", client, is: client),
        Case("203.0.113.9, \(client)", "10.0.0.2", is: client), Case(client, "", ",, ,", is: client),
        Case(client, "unknown", is: proxy), Case("\(client), unknown, 10.0.0.2", is: "10.0.0.2"),
        Case("", is: proxy), Case(",", is: proxy), Case("unix:", is: proxy), Case("unix:/run/nginx.sock", is: proxy),
        Case("till-1.store.example", is: proxy), Case("_hidden", is: proxy), Case("192.0.2.256", is: proxy),
        Case("192.0.2.07", is: proxy), Case("\u{1F600}", is: proxy),
        Case("\"\(client)\"", is: proxy),
        // One client however it is written.
        Case("\(client):50312", is: client), Case("\(client):_secret", is: client),
        Case("::ffff:\(client)", is: client),
        Case("[::ffff:\(client)]:443", is: client), Case("::ffff:c000:207", is: client),
        Case("\(client):99999", is: client),
        Case("\(client):", is: proxy), Case("\(client):http", is: proxy), Case("\(client):123456", is: proxy),
        Case("\(client):80:80", is: proxy), Case("[\(client)", is: proxy), Case("[\(client)]x", is: proxy),
        Case("2001:db8::1", is: "2001:db8::1"), Case("[2001:db8::1]", is: "2001:db8::1"),
        Case("[2001:db8::1]:443", is: "2001:db8::1"), Case("2001:DB8:0::0:1", is: "2001:db8::1"),
        Case("2001:db8::2%eth0", is: "2001:db8::1"), Case("[2001:db8::2%25eth0]:1", is: "2001:db8::1"),
        Case("2001:db8:0:0:0:0:0:1:50312", is: "2001:db8::1"), Case("[]", is: proxy), Case("[]:1", is: proxy),
        Case("%eth0", is: proxy), Case("64:ff9b::192.0.2.1", is: "64:ff9b::"), Case(client, "fd00::7", is: client),
        // What a client has written itself is not read.
        Case("\", 10.0.0.1, \(client)", is: client), Case("for=203.0.113.9;\", \(client)", is: client),
        Case(String(repeating: "203.0.113.9,", count: 1000) + client, is: client),
        Case(String(repeating: "9", count: 10_000) + ", \(client)", is: client),
        Case(String(repeating: "9", count: 10_000), is: proxy),
    ]

    static let forwarded: [Case] = [
        Case(forwarded: "for=\(client)", is: client), Case(forwarded: "FOR=\"\(client)\"", is: client),
        Case(forwarded: "for=\(client);proto=https;by=10.0.0.1", is: client),
        Case(forwarded: "proto=https ; For=\(client) ; host=\"a;b,c\"", is: client),
        Case(forwarded: "for=203.0.113.9, for=\(client)", is: client),
        Case(forwarded: "for=203.0.113.9", "for=\(client)", "for=10.0.0.2", is: client),
        Case(forwarded: "for=\"\(client):4711\"", is: client),
        Case(forwarded: "for=\"[2001:db8::9]:4711\"", is: "2001:db8::1"),
        Case(forwarded: "for=\"[2001:db8::9]\", for=\"10.0.0.2:1\"", is: "2001:db8::1"),
        Case(forwarded: "for=unknown", is: proxy), Case(forwarded: "for=_gazonk", is: proxy),
        Case(forwarded: "for=\"_gazonk:80\", for=10.0.0.2", is: "10.0.0.2"),
        Case(forwarded: "proto=https", is: proxy), Case(forwarded: "for=", is: proxy),
        Case(forwarded: "for", is: proxy),
        Case(forwarded: "=\(client)", is: proxy), Case(forwarded: "", is: proxy), Case(forwarded: ";;", is: proxy),
        Case(forwarded: "for=\(client);for=203.0.113.9", is: proxy), Case(forwarded: "for=\"\(client)", is: proxy),
        Case(forwarded: "for=\"", is: proxy), Case(forwarded: "for=\"\"", is: proxy),
        Case(forwarded: client, is: proxy),
        // What a client has sent as its host, or in front, names nobody.
        Case(forwarded: "host=\"x;for=203.0.113.9\";for=\(client)", is: client),
        Case(forwarded: "for=\(client);host=\"x, for=203.0.113.9\"", is: client),
        Case(forwarded: "for=\(client);host=\"x\\\", for=203.0.113.9, y=\\\"\"", is: proxy),
        Case(forwarded: "for=\", for=\(client)", is: client),
        Case(forwarded: "for=\"", "for=\"\(client)\"", is: client),
        // X-Forwarded-For decides, where there is one.
        Case([("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", client)], client),
        Case([("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "unknown")], proxy),
        Case([("Forwarded", "for=203.0.113.9")], "192.0.2.1", peer: "192.0.2.1"),
    ]

    private final class Trial: Sendable {
        let log = RecordedLog()
        let sources: RequestSources

        init(_ proxies: [String] = ["10.0.0.0/8", "fd00::/8"]) throws {
            sources = RequestSources(
                trustedProxies: IPNetworkSet(try proxies.map { try #require(IPNetwork($0)) }),
                metrics: NOOPMetricsHandler.instance, logger: log.logger)
        }

        func source(_ headers: [(String, String)], from peer: String) throws -> RequestSource? {
            let lines = headers.map { "\($0): \($1)\r\n" }.joined()
            let fields = try RequestHead.reading("GET / HTTP/1.1\r\nHost: x\r\n\(lines)\r\n").headerFields
            return sources.source(of: fields, from: IPAddress(peer.utf8))
        }
    }

    @Test(arguments: xForwardedFor + forwarded)
    func findsTheClient(item: Case) throws {
        let expected = RequestSource(try #require(IPAddress(item.source.utf8)))
        #expect(try Trial().source(item.headers, from: item.peer) == expected)
    }

    @Test(arguments: [30, 31, 32])
    func followsThirtyTwoEntriesAndNoMore(proxies: Int) throws {
        let headers = [
            ("X-Forwarded-For", Self.client + (0..<proxies).map { ", 10.1.0.\($0)" }.joined())
        ]
        let found = try Trial().source(headers, from: Self.proxy)
        let expected = proxies < 32 ? Self.client : "10.1.0.0"
        #expect(found == RequestSource(try #require(IPAddress(expected.utf8))))
    }

    @Test func believesNobodyWithoutTrustedProxies() throws {
        let trial = try Trial([])
        #expect(
            try trial.source([("X-Forwarded-For", "192.0.2.7")], from: "127.0.0.1")
                == RequestSource(try #require(IPAddress("127.0.0.1".utf8))))
    }

    @Test func hasNoSourceWithoutAnAddress() throws {
        let sources = try Trial().sources
        #expect(
            sources.source(of: try RequestHead.reading("GET / HTTP/1.1\r\nHost: x\r\n\r\n").headerFields, from: nil)
                == nil)
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/tmp/x")) == nil)
        #expect(IPAddress(try SocketAddress(ipAddress: "192.0.2.1", port: 1)) == IPAddress("192.0.2.1".utf8))
        #expect(IPAddress(try SocketAddress(ipAddress: "2001:db8::1", port: 1)) == IPAddress("2001:db8::1".utf8))
    }

    @Test func saysOnceThatHeadersWereIgnored() throws {
        let trial = try Trial()
        for header in ["X-Forwarded-For", "Forwarded"] {
            _ = try trial.source([(header, "unknown")], from: "10.0.0.1")
            _ = try trial.source([], from: "192.0.2.1")
            #expect(trial.log.lines.isEmpty)
        }
        for number in 1...5 {
            _ = try trial.source([("X-Forwarded-For", "198.51.100.4")], from: "192.0.2.\(number)")
        }
        #expect(trial.log.lines.count == 1)
        #expect(trial.log.lines[0].contains("192.0.2.1") && !trial.log.lines[0].contains("198.51.100.4"))
    }
}
