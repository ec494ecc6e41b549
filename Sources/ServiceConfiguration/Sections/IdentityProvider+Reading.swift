import TokenExchange

extension IdentityProvider {
    /// All providers; names and hosts must be unique.
    /// - Parameter tenants: the names of all tenants.
    static func readAll(_ providers: NodeReader, tenants: [String]) -> [IdentityProvider]? {
        let (names, hosts) = (SeenValues("identity provider"), SeenValues("host"))
        return providers.list(atLeast: 1) { provider in
            provider.mapping { section in
                let name = section.required("name") { reader in
                    reader.name().flatMap { names.record($0, at: reader) }
                }
                return read(section, name: name, knownTenants: tenants, seenHosts: hosts)
            }
        }
    }

    private static func read(
        _ section: MappingReader, name: String?, knownTenants: [String], seenHosts: SeenValues
    ) -> IdentityProvider? {
        let tenants = section.required("tenants") {
            $0.distinctStrings(atLeast: 1) { $0.reference(to: "tenant", among: knownTenants) }
        }
        let mode = section.value("mode", default: FailureMode.strict) { $0.choice() }
        let deadline = section.value("deadline", default: .seconds(3)) {
            $0.duration(in: .milliseconds(100)...(.seconds(30)))
        }
        let hosts = section.value("hosts", default: []) { reader in
            reader.list { host in host.hostName().flatMap { seenHosts.record($0, at: host) } }
        }
        let token = section.section("token") { TokenRecipe.read($0, providerName: name) }
        let conditions = section.value("conditions", default: []) { $0.list { $0.mapping(ClaimCondition.read) } }
        let origins = section.section("webview") { webview in
            webview.value("origins", default: []) { $0.distinctStrings { $0.webOrigin() } }
        }
        let requestsInProgress = section.optional("requests_in_progress") { $0.integer(in: 1...100_000) }
        guard let name, let tenants, let token, let origins else { return nil }
        return IdentityProvider(
            name: ExactText(name), tenants: Set(tenants.map { ExactText($0) }), mode: mode, deadline: deadline,
            hosts: hosts.map { ExactText($0) }, token: token, conditions: conditions,
            webviewOrigins: origins.map { ExactText($0) }, requestsInProgress: requestsInProgress)
    }
}

extension NodeReader {
    /// As browsers write it in `Origin` (RFC 6454 §6.2): in lower case, without default port and path.
    fileprivate func webOrigin() -> String? {
        guard let (text, address) = webAddress(such: "https://loyalty.acme.example") else { return nil }
        guard address.path.isEmpty else {
            report(expected: "an origin: scheme, host and port", remedy: "Remove the path, a lone slash included.")
            return nil
        }
        guard address.port != (address.isHTTPS ? 443 : 80) else {
            report(expected: "an origin without its scheme's own port", remedy: "Browsers leave that port out.")
            return nil
        }
        return text.lowercased()
    }
}
