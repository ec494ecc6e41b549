import IssuerKeys
import JOSE
import Logging
import NIOSSL
import Outbound
import ServiceConfiguration
import TokenExchange

/// A tenant whose keys are fetched: checked, but nothing started.
struct RemoteTenant: Sendable {
    /// What must be the same for keys that run to run on after a reload.
    struct Identity: Hashable {
        let name: ExactText
        let issuer: ExactText
        let keys: RemoteKeySettings
        let algorithms: Set<TokenExchange.SignatureAlgorithm>
        /// Of `ca_file`, so that a reload takes up others.
        let certificateAuthorities: [NIOSSLCertificate]?
    }

    let identity: Identity
    let rules: TenantRules
    let outbound: OutboundTransport
    private let tls: NIOSSLContext

    /// - Parameter place: of the keys beside `jwks_url`.
    init(
        _ tenant: TenantSettings, keys: RemoteKeySettings, _ outbound: OutboundSettings,
        at place: (String) -> ConfigurationPlace
    ) throws(ConfigurationProblem) {
        var authorities: [NIOSSLCertificate]?
        var tls: TLSConfiguration?
        if let file = keys.certificateAuthorityFile {
            let certificates = try PEMFile(file, at: place("ca_file")).certificates()
            authorities = certificates
            tls = .makeClientConfiguration()
            tls?.trustRoots = .certificates(certificates)
        }
        self.tls = try OutboundClient.context(of: tls, at: place("ca_file"))
        self.outbound = OutboundTransport(outbound, for: [keys.url])
        rules = tenant.rules
        identity = Identity(
            name: tenant.name, issuer: tenant.issuer, keys: keys, algorithms: tenant.rules.algorithms,
            certificateAuthorities: authorities)
    }

    /// Fetches by this configuration, whatever keys were fetched by before.
    func makeFetcher() -> KeySetFetcher {
        KeySetFetcher(
            client: OutboundClient(outbound, tls: tls, bodyBytes: KeySetFetcher.byteLimit),
            url: identity.keys.url, timeout: identity.keys.timeout)
    }

    /// - Parameter fetch: by which they are fetched at any time.
    func makeKeys(
        fetch: @escaping @Sendable () async throws(KeySetFetchFailure) -> [UInt8], time: TimeSource, logger: Logger
    ) -> RemoteIssuerKeys {
        var logger = logger
        logger[metadataKey: "tenant"] = .stringConvertible(identity.name)
        let (keys, algorithms) = (identity.keys, identity.algorithms)
        return RemoteIssuerKeys(
            times: RemoteKeyTimes(refresh: keys.refresh, maximumAge: keys.maximumAge, cooldown: keys.cooldown),
            fetch: fetch, read: { KeySetReading(try JWKSetReader().read($0, allowing: algorithms)) }, time: time,
            logger: logger)
    }
}

extension KeySetReading {
    init(_ set: JWKSet) {
        self.init(
            verifiers: set.verifiers,
            keys: Set(set.verifiers.map { Key(keyID: $0.keyID, thumbprint: $0.thumbprint) }),
            skipped: set.skipped.map(\.description))
    }
}
