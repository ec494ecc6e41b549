package import TokenExchange

/// `listen`: the two listeners, and whom they trust.
package struct ListenSettings: Sendable, Equatable {
    /// Callback, sessions, introspection.
    package let `public`: HostPort
    /// Health and metrics.
    package let operations: HostPort
    package let operationsAccess: OperationsAccess
    /// For the public listener; nil for plain HTTP, behind a proxy that ends TLS.
    package let tls: TLSFiles?
    /// For listeners with TLS.
    package let http2: HTTP2Settings
    /// The proxies whose reports about clients' addresses are believed; none by default.
    package let trustedProxies: IPNetworkSet
    /// How long a connection may wait for its next request, at both listeners.
    package let idleTimeout: Duration

    /// What an operator should know although nothing is wrong.
    package var remarks: [String] {
        trustedProxies.networks.filter(\.isEverything).map { network in
            "listen.trusted_proxies: \(network) trusts everybody, so clients choose the address that limits count; name the "
                + "load balancers alone"
        }
    }
}

extension ListenSettings {
    /// Whether `other` differs in what only a restart changes: in anything except the files of certificates and secrets,
    /// and whether HTTP/2 is offered.
    package func needsRestart(for other: ListenSettings) -> Bool {
        `public` != other.public || operations != other.operations || (tls == nil) != (other.tls == nil)
            || operationsAccess.kinds != other.operationsAccess.kinds
            || trustedProxies != other.trustedProxies || idleTimeout != other.idleTimeout
            || http2.limits != other.http2.limits
    }

    /// Every key has a default.
    static func read(_ section: MappingReader) -> ListenSettings? {
        let `public` = section.value("public", default: HostPort(host: "127.0.0.1", port: 8080)) { $0.listenAddress() }
        let operations = section.value("operations", default: .default) { reader in
            OperationsListener.read(reader, besides: `public`)
        }
        let tls = section.optional("tls") { $0.mapping(TLSFiles.read) }
        let http2 = section.section("http2", HTTP2Settings.read)
        let trustedProxies = section.value("trusted_proxies", default: []) { $0.networks() }
        let idleTimeout = section.value("idle_timeout", default: .seconds(75)) {
            $0.duration(in: .milliseconds(100)...(.seconds(3600)))
        }
        guard let http2 else { return nil }
        return ListenSettings(
            public: `public`, operations: operations.address, operationsAccess: operations.access, tls: tls,
            http2: http2,
            trustedProxies: IPNetworkSet(trustedProxies), idleTimeout: idleTimeout)
    }
}

extension TLSFiles {
    /// `certificate_chain` and `private_key`, under whatever key they stand.
    static func read(_ section: MappingReader) -> Self? {
        let certificateChain = section.required("certificate_chain") { $0.file() }
        let privateKey = section.required("private_key") { $0.file(isPrivate: true) }
        guard let certificateChain, let privateKey else { return nil }
        return Self(certificateChain: certificateChain, privateKey: privateKey)
    }
}

extension NodeReader {
    fileprivate func networks() -> [IPNetwork]? {
        let seen = SeenValues("network")
        return list { element in
            guard let network = element.network(), seen.record("\(network)", at: element) != nil else { return nil }
            return network
        }
    }

    private func network() -> IPNetwork? {
        let what = "an IP address or a network such as 10.0.0.0/8 or \"2001:db8::/32\""
        guard let text = string(what) else { return nil }
        guard let network = IPNetwork(text) else {
            report(expected: what, remedy: "Names are not looked up, since who answers for them may change.")
            return nil
        }
        guard IPAddress(text.utf8.prefix { $0 != UInt8(ascii: "/") }) == network.lowestAddress else {
            report(expected: "a network with no bit set behind its prefix", remedy: "Did you mean `\(network)`?")
            return nil
        }
        return network
    }
}
