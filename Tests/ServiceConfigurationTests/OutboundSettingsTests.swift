import ServiceConfiguration
import Testing
import TokenExchange

/// Which servers are reached through the proxy.
@Suite struct OutboundSettingsTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    private func outbound(_ section: String) throws -> OutboundSettings {
        try folder.load(shortest + "outbound: { \(section) }\n").outbound
    }

    @Test func reachesEverythingDirectlyUnlessThereIsAProxy() throws {
        let outbound = try folder.load(shortest).outbound
        #expect(outbound.proxy(toHost: "id.example", port: 443) == nil)
        #expect(outbound.idleTimeout == .seconds(20) && outbound.headBytes == 49_152)
    }

    @Test func reachesEverythingThroughAProxy() throws {
        let outbound = try outbound("proxy: \"http://Proxy.Example:3128/\"")
        for host in ["id.example", "localhost", "127.0.0.1", "::1", "10.0.0.1"] {
            let proxy = outbound.proxy(toHost: host, port: 443)
            #expect(proxy?.address == HostPort(host: "proxy.example", port: 3128) && proxy?.credentials == nil)
        }
    }

    @Test func readsThePasswordOfAProxyWhenItIsUsed() async throws {
        let outbound = try outbound(
            "proxy: \"http://p:1\", proxy_username: countersign, proxy_password: { file: secret }")
        let credentials = try #require(outbound.proxy(toHost: "a", port: 1)?.credentials)
        #expect(credentials.username == "countersign")
        #expect(try await credentials.password.read(.seconds(5)) == "a-secret-from-a-file")
        try folder.write("another-secret", to: "secret", mode: 0o600)
        #expect(try await credentials.password.read(.seconds(5)) == "another-secret")
    }

    struct Rule: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let direct: [(String, Int)]
        let proxied: [(String, Int)]

        init(_ rule: String, direct: [(String, Int)], proxied: [(String, Int)]) {
            (testDescription, self.direct, self.proxied) = (rule, direct, proxied)
        }
    }

    @Test(arguments: [
        Rule(
            "internal.example", direct: [("internal.example", 443), ("a.internal.example", 8443)],
            proxied: [("xinternal.example", 443), ("internal.example.org", 443), ("example", 443)]),
        Rule(
            ".Internal.example", direct: [("a.internal.example", 443), ("a.b.internal.example", 443)],
            proxied: [("internal.example", 443), ("xinternal.example", 443)]),
        Rule("*.internal.example", direct: [("a.internal.example", 443)], proxied: [("internal.example", 443)]),
        Rule("a.example:8443", direct: [("a.example", 8443)], proxied: [("a.example", 443), ("a.example", 84)]),
        Rule("10.0.0.7", direct: [("10.0.0.7", 1)], proxied: [("10.0.0.70", 1), ("10.0.0.6", 1)]),
        Rule("10.0.0.7:80", direct: [("10.0.0.7", 80)], proxied: [("10.0.0.7", 81)]),
        Rule("10.0.0.0/8", direct: [("10.255.0.1", 1)], proxied: [("11.0.0.1", 1), ("ten.example", 1), ("::1", 1)]),
        Rule("172.16.0.0/12", direct: [("172.31.255.255", 1)], proxied: [("172.32.0.0", 1), ("172.15.0.0", 1)]),
        Rule("0.0.0.0/0", direct: [("1.2.3.4", 1)], proxied: [("::1", 1)]),
        Rule("192.168.1.1/32", direct: [("192.168.1.1", 1)], proxied: [("192.168.1.0", 1)]),
        Rule("fd00::/8", direct: [("fd12::1", 1), ("FD12:0::1", 1)], proxied: [("fe80::1", 1), ("253.0.0.1", 1)]),
        Rule("::1", direct: [("0:0::1", 1)], proxied: [("::2", 1)]),
        Rule("[fd00::1]:8443", direct: [("fd00::1", 8443)], proxied: [("fd00::1", 443)]),
    ])
    func reachesSomeServersDirectly(_ rule: Rule) throws {
        let outbound = try outbound("proxy: \"http://p:1\", no_proxy: [other.example, \"\(rule.testDescription)\"]")
        for (host, port) in rule.direct { #expect(outbound.proxy(toHost: host, port: port) == nil, "\(host):\(port)") }
        for (host, port) in rule.proxied { #expect(outbound.proxy(toHost: host, port: port) != nil, "\(host):\(port)") }
    }

    @Test(arguments: [
        ("http://127.0.0.1:3128", "http://127.0.0.1:9000/certs", ""),
        ("http://localhost:3128", "http://localhost:9000/certs", ""),
        ("http://proxy.example:3128", "http://127.0.0.1:9000/certs", "127.0.0.0/8"),
        ("http://proxy.example:3128", "https://id.example/certs", ""),
        ("http://127.0.0.1:3128", "https://127.0.0.1:9000/certs", ""),
        ("http://proxy.example:3128", "https://10.0.0.7/certs", "10.0.0.7"),
    ])
    func acceptsServersThatAProxyCanReachSafely(proxy: String, server: String, direct: String) throws {
        let yaml = shortest.replacing("{ public_key_files: [acme.pem] }", with: "{ jwks_url: \"\(server)\" }")
        let rules = direct.isEmpty ? "" : ", no_proxy: [\(direct)]"
        #expect(try folder.complaints(about: yaml + "outbound: { proxy: \"\(proxy)\"\(rules) }\n") == "")
    }

    @Test(arguments: ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
    func remarksOnAVariableThatItDoesNotUseWithoutItsValue(name: String) throws {
        let environment = [name: "http://user:marker@proxy.example:3128"]
        let remarks = try folder.load(shortest).outbound.remarks(on: environment)
        let remark = try #require(remarks.first)
        #expect(remarks.count == 1 && remark.hasPrefix("\(name) is set and not used"))
        #expect(!remark.contains("marker") && !remark.contains("proxy.example"))
        #expect(try folder.load(shortest).outbound.remarks(on: [name: ""]) == [])
        #expect(try outbound("proxy: \"http://p:1\"").remarks(on: environment) == [])
    }
}
