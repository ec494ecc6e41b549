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
    struct CacheKey: Hashable {
        let name: ExactText
        let issuer: ExactText
        let keys: RemoteKeySettings
        let algorithms: Set<TokenExchange.SignatureAlgorithm>
        /// With the certificates of `ca_file`, so that a reload takes up others.
        let trustRoots: NIOSSLTrustRoots?
    }

    let cacheKey: CacheKey
    let rules: TenantRules
    let outbound: OutboundTransport
    private let tls: NIOSSLContext

    /// - Parameter place: of the keys beside `jwks_url`.
    init(
        _ tenant: TenantSettings, keys: RemoteKeySettings, _ outbound: OutboundSettings,
        at place: (String) -> ConfigurationPlace
    ) throws(ConfigurationProblem) {
        let tls = try TLSConfiguration.client(trusting: keys.certificateAuthorityFile, at: place)
        self.tls = try OutboundClient.context(of: tls, at: place("ca_file"))
        self.outbound = OutboundTransport(outbound, for: [keys.url])
        rules = tenant.rules
        cacheKey = CacheKey(
            name: tenant.name, issuer: tenant.issuer, keys: keys, algorithms: tenant.rules.algorithms,
            trustRoots: tls.trustRoots)
    }

    /// Fetches by this configuration, whatever keys were fetched by before.
    func makeFetcher() -> KeySetFetcher {
        KeySetFetcher(
            client: OutboundClient(outbound, tls: tls, bodyBytes: KeySetFetcher.byteLimit),
            url: cacheKey.keys.url, timeout: cacheKey.keys.timeout)
    }

    /// - Parameter fetch: by which they are fetched at any time.
    func makeKeys(
        fetch: @escaping @Sendable () async throws(KeySetFetchFailure) -> [UInt8], time: TimeSource, logger: Logger
    ) -> RemoteIssuerKeys {
        var logger = logger
        logger[metadataKey: "tenant"] = .stringConvertible(cacheKey.name)
        let (keys, algorithms) = (cacheKey.keys, cacheKey.algorithms)
        return RemoteIssuerKeys(
            times: RemoteKeyTimes(refresh: keys.refresh, maximumAge: keys.maximumAge, cooldown: keys.cooldown),
            fetch: fetch, read: { KeySetReading(try JWKSetReader().read($0, allowing: algorithms)) }, time: time,
            logger: logger)
    }
}

extension KeySetReading {
    /// Tells keys apart by their thumbprints, since an issuer may give an old `kid` to a new key.
    init(_ set: JWKSet) {
        self.init(
            verifiers: set.verifiers,
            keys: Set(set.verifiers.map { Key(keyID: $0.keyID, thumbprint: $0.thumbprint) }),
            skipped: set.skipped.map(\.description))
    }
}
