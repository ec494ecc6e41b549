import JOSE
import NIOSSL
import Outbound
import ServiceConfiguration
import TokenExchange
import UpstreamTokens

/// The providers of a configuration whose tokens come from an internal service; no service is called here.
struct ConfiguredUpstreams {
    /// In the order of the configuration.
    private(set) var providers: [UpstreamProvider] = []
    /// What an operator should know of their certificates.
    private(set) var remarks: [String] = []
    private(set) var expiries: [CertificateExpiry] = []

    /// - Parameter name: the only provider to look at; nil for all.
    /// - Throws: ``StartUpError`` with every problem that was found.
    init(_ configuration: Configuration, only name: ExactText? = nil, now: UnixTime) throws {
        var findings = Findings()
        for (index, provider) in configuration.identityProviders.enumerated() {
            guard case .upstream(let recipe) = provider.token.kind, name == nil || name == provider.name else {
                continue
            }
            findings.collect {
                let place = { (key: String) in
                    configuration.places["identity_providers[\(index)].token.upstream.\(key)"]
                }
                let (tls, remarks) = try TLSConfiguration.client(
                    trusting: recipe.transport.certificateAuthorityFile, own: recipe.transport.clientCertificate,
                    now: now, at: place)
                self.remarks += remarks
                if let expiry = CertificateExpiry(.upstream, of: ConfiguredName(provider), tls) {
                    expiries.append(expiry)
                }
                providers.append(
                    UpstreamProvider(
                        name: provider.name, recipe: recipe,
                        outbound: OutboundTransport(configuration.outbound, for: provider.outboundURLs), tls: tls,
                        context: try OutboundClient.context(of: tls, at: place("url"))))
            }
        }
        guard findings.problems.isEmpty else { throw StartUpError(findings.problems) }
    }
}

/// What exchanges with internal services need and a reload keeps: calls in progress, and tokens kept for later logins.
struct UpstreamAssembly: Sendable {
    let services: UpstreamServices
    private let obtain: ObtainUpstreamToken
    private let sessions: SessionAssembly
    private let time: TimeSource

    /// - Parameter cacheSecret: with it, replicas share leases and tokens through the store; if it is nil, each process
    ///   has its own, sealed under a secret that ends with the process.
    init(cacheSecret: [UInt8]?, sessions: SessionAssembly, services: UpstreamServices, time: TimeSource) {
        let sealer = OpenSSLRecordSealer()
        self.services = services
        obtain = ObtainUpstreamToken(
            source: services, records: cacheSecret == nil ? InMemorySharedRecords(time: time) : sessions.records,
            vault: UpstreamVault(sealer: sealer, secret: cacheSecret ?? sealer.randomBytes(32)), time: time)
        self.sessions = sessions
        self.time = time
    }

    /// The exchange for a configuration. From then on its services are the ones that are called.
    func exchange(_ blueprint: Blueprint, mint: MintExternalIdentity) -> UpstreamExchange {
        services.replace(with: blueprint.upstreamProviders)
        return UpstreamExchange(
            obtain: obtain, mint: mint, vault: sessions.vault, store: sessions.store, answers: sessions.records,
            revocations: sessions.revocations, time: time)
    }
}
