package import TokenExchange

/// `outbound`: how key sets and internal services are reached.
package struct OutboundSettings: Sendable, Equatable {
    /// An HTTP proxy that tunnels (`CONNECT`).
    package struct Proxy: Sendable, Equatable {
        package let address: HostPort
        /// Nil if the proxy needs none.
        package let credentials: Credentials?
    }

    /// What the proxy asks for.
    package struct Credentials: Sendable, Equatable {
        package let username: String
        package let password: UpstreamSecret
    }

    /// Nil if every server is reached directly.
    private let proxy: Proxy?
    private let direct: [NoProxyRule]
    /// How long a connection without calls stays open.
    package let idleTimeout: Duration
    /// How many bytes an answer may have before its body.
    package let headBytes: Int

    /// The proxy for a server; nil if it is reached directly.
    /// - Parameter host: in lower case, an IPv6 address without brackets.
    package func proxy(toHost host: String, port: Int) -> Proxy? {
        direct.contains { $0.matches(host: host, port: port) } ? nil : proxy
    }

    /// Warns of an environment variable that tells other programs their proxy. Shows only its name, because its value
    /// may contain credentials.
    package func remarks(on environment: [String: String]) -> [String] {
        let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        guard proxy == nil, let name = names.first(where: { environment[$0]?.isEmpty == false }) else { return [] }
        return [
            "\(name) is set and not used: key sets and internal services are reached directly; a proxy for them is "
                + "`outbound: { proxy: … }`"
        ]
    }
}

extension OutboundSettings {
    /// The section `outbound`.
    static func read(_ section: MappingReader) -> OutboundSettings? {
        let address = section.optional("proxy") { $0.proxyAddress() }
        let username = section.optional("proxy_username") { $0.proxyUsername() }
        let password = section.optional("proxy_password") { $0.proxyPassword() }
        section.requireAll(of: ["proxy", "proxy_username", "proxy_password"])
        let direct = section.value("no_proxy", default: []) { $0.list { $0.noProxyRule() } }
        let credentials = username.flatMap { name in password.map { Credentials(username: name, password: $0) } }
        return OutboundSettings(
            proxy: address.map { Proxy(address: $0, credentials: credentials) }, direct: direct,
            idleTimeout: section.value("idle_timeout", default: .seconds(20)) {
                $0.duration(in: .milliseconds(100)...(.seconds(600)))
            },
            headBytes: section.value("head_bytes", default: 49_152) { $0.integer(in: 1024...1_048_576) })
    }

    /// Reports servers that the proxy would make unsafe, or could not reach.
    /// - Parameters:
    ///   - place: the section.
    ///   - urls: of key sets and internal services, as the file has them.
    func check(_ urls: [String], at place: NodeReader) {
        for url in urls {
            guard let address = WebAddress(url),
                let proxy = self.proxy(toHost: address.host, port: address.defaultedPort)
            else { continue }
            if !address.isHTTPS, !HostPort.isLoopback(proxy.address.host) {
                place.report(
                    expected: "`\(address.host)` in `no_proxy`", found: "it absent",
                    remedy: "\(url) is plain http to this machine; a proxy would look for it on its own, and read it.")
            } else if address.isHTTPS, HostPort.isAddress(address.host), address.host != proxy.address.host {
                place.report(
                    expected: "`\(address.host)` in `no_proxy`, or a host name in \(url)", found: "neither",
                    remedy: "Through a proxy a certificate can be compared with a name only.")
            }
        }
    }
}

extension MappingReader {
    /// The keys after the first one need each other and the first one.
    fileprivate func requireAll(of keys: [String]) {
        let present = keys.filter { key in entries.contains { $0.name == key } }
        guard present != [keys[0]], !present.isEmpty, present != keys else { return }
        for key in keys where !present.contains(key) {
            missing(
                key, remedy: "Write all of \(keys.map { "`\($0)`" }.joined(separator: ", ")), or `\(keys[0])` alone.")
        }
    }
}

extension NodeReader {
    fileprivate func proxyAddress() -> HostPort? {
        let what = "the URL of an HTTP proxy, such as http://proxy.example:3128"
        guard let text = string(what) else { return nil }
        guard let address = WebAddress(text) else {
            report(expected: what)
            return nil
        }
        if address.hasUser {
            report(
                expected: what, found: "a URL with credentials",
                remedy: "They never stand in this file: write `proxy_username` and `proxy_password: { env: NAME }`.")
            return nil
        }
        guard !address.isHTTPS, let port = address.port, port > 0, ["", "/"].contains(address.path),
            !address.hasQueryOrFragment
        else {
            report(
                expected: what + ": plain http, a port, nothing after it",
                remedy: "What goes through the proxy is encrypted from end to end all the same.")
            return nil
        }
        return HostPort(host: address.host, port: port)
    }

    fileprivate func proxyUsername() -> String? {
        let what = "a user name without colon (RFC 7617)"
        guard let text = string(what) else { return nil }
        if !text.utf8.contains(UInt8(ascii: ":")) { return text }
        report(expected: what)
        return nil
    }

    fileprivate func proxyPassword() -> UpstreamSecret? { secret().map(UpstreamSecret.init) }

    fileprivate func noProxyRule() -> NoProxyRule? {
        let what =
            "a host name, a domain, an address or a network, such as internal.example, .internal.example, "
            + "10.0.0.7 or 10.0.0.0/8; a name or an address may have a port"
        guard let text = string(what) else { return nil }
        guard let rule = NoProxyRule(text) else {
            report(expected: what)
            return nil
        }
        return rule
    }
}
