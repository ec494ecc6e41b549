package import TokenExchange

/// What an operator has decided, read from one YAML file and checked as a whole.
///
/// Reading is strict. ``ReadingPass`` collects every problem with its line; a ``NodeReader`` is one value of the file
/// and a ``MappingReader`` one mapping, which knows its keys from what it was asked for and reports the others. Each
/// section is a type in `Sections/` with a static `read` that asks for its keys; it returns nil if a required one
/// cannot be read, and has then reported it. Defaults stand in `read` alone.
///
/// A `Configuration` exists only where nothing was reported, so whoever holds one checks nothing again: names refer to
/// something, and where it was made by ``load(file:environment:)``, files and secrets could be read too. What only the
/// moment decides (ports, servers) and what files hold is for others to find out.
package struct Configuration: Sendable {
    /// Where clients reach us, and the `iss` of what we mint. No slash at its end.
    package let publicURL: String
    package let listen: ListenSettings
    /// Serves requests that name no provider; nil leaves them to the only provider there is, or to nobody.
    package let defaultIdentityProvider: ExactText?
    package let log: LogSettings
    package let limits: LimitSettings
    package let shutdown: ShutdownSettings
    package let outbound: OutboundSettings
    package let signing: SigningSettings
    package let sessions: SessionSettings
    /// At least one; names and issuers are unique.
    package let tenants: [TenantSettings]
    /// At least one; names and hosts are unique.
    package let identityProviders: [IdentityProvider]
    package let verifiers: [VerifierSettings]
    /// For messages about what the file refers to.
    package let places: ConfigurationPlaces
}

extension Configuration {
    /// With a look at everything that the file refers to, as the service needs it.
    ///
    /// - Parameters:
    ///   - file: relative paths within it start at its folder.
    ///   - environment: where `{ env: NAME }` looks.
    package static func load(file: String, environment: [String: String]) throws(ConfigurationError) -> Configuration {
        try read(ReadingPass(file: file, environment: environment)) { $0.checkReferences() }
    }

    /// Of the file alone: nothing that it refers to is looked at before somebody uses it.
    package static func parse(file: String, environment: [String: String]) throws(ConfigurationError) -> Configuration {
        try read(ReadingPass(file: file, environment: environment)) { _ in }
    }

    private static func read(
        _ pass: ReadingPass, _ check: (ReadingPass) -> Void
    ) throws(ConfigurationError) -> Configuration {
        let configuration = read(pass)
        check(pass)
        guard let configuration, pass.problems.isEmpty else { throw ConfigurationError(problems: pass.problems) }
        return configuration
    }

    /// Every key that readers ask for while they read `file`, as `identity_providers[].token.claims.*`.
    package static func knownKeys(reading file: String, environment: [String: String]) -> Set<String> {
        let pass = ReadingPass(file: file, environment: environment)
        _ = read(pass)
        return pass.knownKeys
    }

    private static func read(_ pass: ReadingPass) -> Configuration? {
        guard let document = YAMLDocument(reading: pass) else { return nil }
        return NodeReader(node: document.root, trail: .root, pass: pass).mapping(read)
    }

    private static func read(_ root: MappingReader) -> Configuration? {
        let names = (tenants: root.names(in: "tenants"), providers: root.names(in: "identity_providers"))
        let publicURL = root.required("public_url") { $0.publicURL() }
        let listen = root.section("listen", ListenSettings.read)
        let defaultProvider = root.optional("default_identity_provider") {
            $0.reference(to: "identity provider", among: names.providers).map { ExactText($0) }
        }
        let log = root.section("log", LogSettings.read)
        let limits = root.section("limits", LimitSettings.read)
        let shutdown = root.section("shutdown", ShutdownSettings.read)
        let outbound = root.section("outbound") { section in
            OutboundSettings.read(section).map { (settings: $0, place: section.place) }
        }
        let signing = root.section("signing", SigningSettings.read)
        let sessions = root.section("sessions", SessionSettings.read)
        let tenants = root.required("tenants") { TenantSettings.readAll($0, publicURL: publicURL) }
        let providers = root.required("identity_providers") { IdentityProvider.readAll($0, tenants: names.tenants) }
        let verifiers = root.value("verifiers", default: []) {
            VerifierSettings.readAll($0, providers: names.providers)
        }
        guard let publicURL, let listen, let log, let limits, let shutdown, let outbound, let signing, let sessions,
            let tenants,
            let providers
        else { return nil }
        outbound.settings.check(tenants.flatMap(\.outboundURLs) + providers.flatMap(\.outboundURLs), at: outbound.place)
        return Configuration(
            publicURL: publicURL, listen: listen, defaultIdentityProvider: defaultProvider, log: log, limits: limits,
            shutdown: shutdown, outbound: outbound.settings, signing: signing, sessions: sessions, tenants: tenants,
            identityProviders: providers, verifiers: verifiers, places: root.place.pass.places)
    }
}

extension TenantSettings {
    fileprivate var outboundURLs: [String] {
        if case .jwksURL(let keys) = keys { [keys.url] } else { [] }
    }
}

extension IdentityProvider {
    /// Of its internal service.
    package var outboundURLs: [String] {
        guard case .upstream(let recipe) = token.kind else { return [] }
        return ([recipe.endpoint.url] + [recipe.access?.endpoint.url].compactMap { $0 }).map { String($0) }
    }
}

extension NodeReader {
    fileprivate func publicURL() -> String? {
        guard let url = webAddress(such: "https://identity.acme.example") else { return nil }
        if url.address.path.hasSuffix("/") {
            report(
                expected: "a URL without a slash at its end",
                remedy: "It is the `iss` of every token, which verifiers compare byte for byte.")
            return nil
        }
        return url.text
    }
}
