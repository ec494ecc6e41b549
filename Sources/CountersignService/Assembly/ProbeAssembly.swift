import JOSE
import Outbound
package import ServiceConfiguration
package import TokenExchange

extension Prober {
    /// Reads the probe's key and the verifier's secret; nil if the configuration has no probe.
    ///
    /// - Parameter url: where the service is asked; nil for where the configuration says.
    /// - Throws: what an operator can mend, with its place.
    package init?(_ configuration: Configuration, at url: String? = nil, time: TimeSource = .system) throws {
        guard let settings = configuration.probe,
            let tenant = configuration.tenants.first(where: { $0.name == settings.tenant }),
            let verifier = configuration.verifiers.first(where: { $0.verifier.id == settings.verifier })
        else { return nil }
        let place = { (key: String) in configuration.places["probe.\(key)"] }
        let target = ProbeTarget(
            url: try url.map(Self.checked) ?? settings.url, provider: settings.identityProvider,
            verifier: (verifier.verifier.id, try verifier.secret.read()), timeout: settings.timeout,
            tls: try OutboundClient.context(
                of: .client(trusting: settings.certificateAuthorityFile, at: place), at: place("ca_file")))
        let signer = try configuration.probeSigner(settings, tenant, at: place("private_key"))
        self.init(
            target, tokens: ProbeTokens(tenant, signer: signer), interval: settings.interval, time: time)
    }

    private static func checked(_ url: String) throws -> String {
        guard let address = WebAddress(url), address.isProtected, !address.hasUser, !address.hasQueryOrFragment,
            !address.path.hasSuffix("/")
        else {
            throw StartUpError([
                "expected the URL of the service, https or on this machine, without user, query, fragment and a slash at its "
                    + "end, such as https://identity.acme.example; found another text"
            ])
        }
        return url
    }
}

extension Configuration {
    /// The key that signs the probe's tokens: one that its tenant trusts, and no other tenant.
    fileprivate func probeSigner(
        _ settings: ProbeSettings, _ own: TenantSettings, at place: ConfigurationPlace
    ) throws -> OpenSSLTokenSigner {
        let signer = try OpenSSLTokenSigner.first(of: own.rules.algorithms, privateKeyFile: settings.privateKeyFile)
        for (index, tenant) in tenants.enumerated() {
            // What is wrong with its files is said of the tenant.
            guard let keys = try? IssuerKeyFiles(tenant, at: { places["tenants[\(index)].keys.\($0)"] }) else {
                continue
            }
            let isTrusted = keys.verifiers.contains { $0.thumbprint == signer.verifier.thumbprint }
            if isTrusted == (tenant.name == own.name) { continue }
            throw place.problem(
                expected: "a key that tenant \(own.name) alone trusts",
                found: isTrusted ? "one that \(tenant.name) trusts too" : "one whose public half is not among its keys",
                remedy: isTrusted
                    ? "Give the probe a key of its own: whoever has it could log in as any associate of \(tenant.name)."
                    : "Write it with `openssl pkey -pubout` into a file of its `public_key_files`.")
        }
        return signer
    }
}
