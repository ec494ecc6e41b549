import TokenExchange

/// An entry of `no_proxy`: servers that are reached directly although there is a proxy.
struct NoProxyRule: Sendable, Equatable {
    private enum Hosts: Sendable, Equatable {
        /// A host and all hosts below it.
        case domain(String)
        /// All hosts below a domain, but not the host with its name.
        case subdomains(String)
        case network(IPNetwork)
    }

    private let hosts: Hosts
    /// Nil for every port.
    private let port: Int?

    /// Reads `internal.example`, `.internal.example`, `*.internal.example`, an address, or a network as `10.0.0.0/8`; a
    /// name or an address may have a port after it.
    init?(_ text: String) {
        if let network = IPNetwork(text) {
            (hosts, port) = (.network(network), nil)
            return
        }
        let dotted = text.hasPrefix("*.") ? text.dropFirst() : text[...]
        guard let (host, port) = HostPort.parts(dotted.hasPrefix(".") ? dotted.dropFirst() : dotted) else { return nil }
        let name = host.lowercased()
        if let network = IPNetwork(name) {
            guard !dotted.hasPrefix(".") else { return nil }
            hosts = .network(network)
        } else {
            hosts = dotted.hasPrefix(".") ? .subdomains("." + name) : .domain(name)
        }
        self.port = port
    }

    /// - Parameter host: in lower case, an IPv6 address without brackets. A name is not looked up.
    func matches(host: String, port: Int) -> Bool {
        guard self.port == nil || self.port == port else { return false }
        return switch hosts {
        case .domain(let name): host == name || host.hasSuffix("." + name)
        case .subdomains(let suffix): host.hasSuffix(suffix)
        case .network(let network): IPAddress(host.utf8).map(network.contains) ?? false
        }
    }
}
