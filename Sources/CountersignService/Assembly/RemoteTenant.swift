import AsyncHTTPClient
import IssuerKeys
import JOSE
import Logging
import NIOSSL
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

    /// - Parameter place: of the keys beside `jwks_url`.
    init(
        _ tenant: TenantSettings, keys: RemoteKeySettings, at place: (String) -> ConfigurationPlace
    ) throws(ConfigurationProblem) {
        var authorities: [NIOSSLCertificate]?
        if let file = keys.certificateAuthorityFile {
            authorities = try PEMFile(file, at: place("ca_file")).certificates()
        }
        rules = tenant.rules
        identity = Identity(
            name: tenant.name, issuer: tenant.issuer, keys: keys, algorithms: tenant.rules.algorithms,
            certificateAuthorities: authorities)
    }

    func makeKeys(client: HTTPClient, time: TimeSource, logger: Logger) -> RemoteIssuerKeys {
        var logger = logger
        logger[metadataKey: "tenant"] = .stringConvertible(identity.name)
        let (keys, algorithms) = (identity.keys, identity.algorithms)
        let fetcher = KeySetFetcher(
            client: client, url: keys.url, timeout: keys.timeout, trustRoots: identity.certificateAuthorities)
        return RemoteIssuerKeys(
            times: RemoteKeyTimes(refresh: keys.refresh, maximumAge: keys.maximumAge, cooldown: keys.cooldown),
            fetch: fetcher.callAsFunction,
            read: { KeySetReading(try JWKSetReader().read($0, allowing: algorithms)) },
            time: time, logger: logger)
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
