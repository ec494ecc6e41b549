package import TokenExchange

/// What an operator has decided, read from one YAML file and checked as a whole.
///
/// Reading is strict. ``ReadingPass`` collects every problem with its line. A ``NodeReader`` is one value of the file,
/// and a ``MappingReader`` one mapping, which remembers the keys that it was asked for and reports all others. Each
/// section is a type in `Sections/` with a static `read` that asks for its keys. It returns nil if a required key
/// cannot be read, and has then reported it. Defaults are only in `read`.
///
/// A `Configuration` exists only if nothing was reported, so nobody has to check it again: names refer to something,
/// and if it was made by ``load(file:environment:)``, files and secrets could be read as well. What depends on the
/// moment (ports, servers), and whether the content of files makes sense, is checked by those who use it.
package struct Configuration: Sendable {
    /// Where clients reach us, and the `iss` of every token that we mint. Does not end in a slash.
    package let publicURL: String
    package let listen: ListenSettings
    /// The provider for requests that name none; nil for the only one, if there is just one.
    package let defaultIdentityProvider: ExactText?
    package let log: LogSettings
    /// Nil if there is no audit stream.
    package let audit: AuditSettings?
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
    /// Nil if the service is not probed.
    package let probe: ProbeSettings?
    /// Nil if nothing is traced.
    package let traces: TraceSettings?
    /// Where the file says what, for messages about the files and secrets that it names.
    package let places: ConfigurationPlaces
    /// For telling what a reload has changed.
    package let contents: ConfigurationContents
}

extension Configuration {
    /// Reads the file, and checks that every file and secret it refers to can be read.
    ///
    /// - Parameters:
    ///   - file: relative paths within it start at its folder.
    ///   - environment: where `{ env: NAME }` looks.
    /// - Throws: ``ConfigurationError`` with every problem.
    package static func load(file: String, environment: [String: String]) throws -> Configuration {
        try read(ReadingPass(file: file, environment: environment)) { $0.checkReferences() }
    }

    /// Reads only the file. Files and secrets that it refers to are not read before they are used.
    /// - Parameter contents: of a file that is not written yet; nil to read it.
    /// - Throws: ``ConfigurationError`` with every problem.
    package static func parse(
        file: String, contents: [UInt8]? = nil, environment: [String: String]
    ) throws -> Configuration {
        try read(ReadingPass(file: file, contents: contents, environment: environment)) { _ in }
    }

    private static func read(_ pass: ReadingPass, _ check: (ReadingPass) -> Void) throws -> Configuration {
        let configuration = read(pass)
        check(pass)
        guard let configuration, pass.problems.isEmpty else { throw ConfigurationError(problems: pass.problems) }
        return configuration
    }

    /// Every key that readers ask for while they read `file`, such as `identity_providers[].token.claims.*`.
    package static func knownKeys(reading file: String, environment: [String: String]) -> Set<String> {
        let pass = ReadingPass(file: file, environment: environment)
        _ = read(pass)
        return pass.knownKeys
    }

    private static func read(_ pass: ReadingPass) -> Configuration? {
        guard let document = YAMLDocument(reading: pass) else { return nil }
        let contents = ConfigurationContents(document.root)
        return NodeReader(node: document.root, trail: .root, pass: pass).mapping { read($0, contents) }
    }

    private static func read(_ root: MappingReader, _ contents: ConfigurationContents) -> Configuration? {
        let names = (tenants: root.names(in: "tenants"), providers: root.names(in: "identity_providers"))
        let publicURL = root.required("public_url") { $0.publicURL() }
        let listen = root.section("listen", ListenSettings.read)
        let defaultProvider = root.optional("default_identity_provider") {
            $0.reference(to: "identity provider", among: names.providers).map { ExactText($0) }
        }
        let log = root.section("log", LogSettings.read)
        let audit = root.optional("audit") { $0.mapping(AuditSettings.read) }
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
        let probe = root.optional("probe") { section in
            let file = ProbeSettings.Surroundings(
                publicURL: publicURL, tenants: tenants ?? [], providers: providers ?? [], verifiers: verifiers)
            return section.mapping { ProbeSettings.read($0, file) }
        }
        let traces = root.optional("traces") { $0.mapping(TraceSettings.read) }
        guard let publicURL, let listen, let log, let limits, let shutdown, let outbound, let signing, let sessions,
            let tenants,
            let providers
        else { return nil }
        outbound.settings.check(
            tenants.flatMap(\.outboundURLs) + providers.flatMap(\.outboundURLs) + [traces?.endpoint].compactMap { $0 },
            at: outbound.place)
        return Configuration(
            publicURL: publicURL, listen: listen, defaultIdentityProvider: defaultProvider, log: log, audit: audit,
            limits: limits,
            shutdown: shutdown, outbound: outbound.settings, signing: signing, sessions: sessions, tenants: tenants,
            identityProviders: providers, verifiers: verifiers, probe: probe, traces: traces,
            places: root.place.pass.places, contents: contents)
    }
}

extension Configuration {
    /// The providers that associates log in at: all except the probe's.
    package var associateProviders: [IdentityProvider] {
        identityProviders.filter { $0.name != probe?.identityProvider }
    }
}

extension TenantSettings {
    fileprivate var outboundURLs: [String] {
        if case .jwksURL(let keys) = keys { [keys.url] } else { [] }
    }
}

extension IdentityProvider {
    /// The URLs of its internal service; empty if it has none.
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
