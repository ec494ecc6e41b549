package import TokenExchange

/// `probe`: how the service is tried every minute, as an associate whose tokens are worth nothing elsewhere.
package struct ProbeSettings: Sendable {
    /// Nobody else has its keys, and no other identity provider accepts its tokens.
    package let tenant: ExactText
    /// Accepts that tenant alone.
    package let identityProvider: ExactText
    /// Sees that provider alone, and may revoke its tokens.
    package let verifier: ExactText
    /// Absolute path of the tenant's private key.
    package let privateKeyFile: String
    /// Where the service is asked; does not end in a slash.
    package let url: String
    /// From one probe to the next, on average.
    package let interval: Duration
    /// For the answer to one request.
    package let timeout: Duration
    /// Absolute path; nil for the system's roots.
    package let certificateAuthorityFile: String?
}

extension ProbeSettings {
    /// What the rest of the file says; nil and empty for what could not be read.
    struct Surroundings {
        let publicURL: String?
        let tenants: [TenantSettings]
        let providers: [IdentityProvider]
        let verifiers: [VerifierSettings]
    }

    static func read(_ section: MappingReader, _ file: Surroundings) -> ProbeSettings? {
        let tenant = section.required("tenant") { $0.probeTenant(file) }
        let provider = section.required("identity_provider") { $0.probeProvider(file, tenant) }
        let verifier = section.required("verifier") { $0.probeVerifier(file, provider) }
        let privateKey = section.required("private_key") { $0.file(isPrivate: true) }
        let url = section.optional("url") { $0.probeURL() } ?? file.publicURL
        let interval = section.value("interval", default: .seconds(60)) {
            $0.duration(in: .seconds(1)...(.seconds(3600)))
        }
        let timeout = section.value("timeout", default: .seconds(5)) {
            $0.duration(in: .milliseconds(100)...(.seconds(30)))
        }
        let authorities = section.optional("ca_file") { $0.file() }
        guard let tenant, let provider, let verifier, let privateKey, let url else { return nil }
        return ProbeSettings(
            tenant: tenant, identityProvider: provider, verifier: verifier, privateKeyFile: privateKey, url: url,
            interval: interval, timeout: timeout, certificateAuthorityFile: authorities)
    }
}

extension NodeReader {
    /// Its key is in a file, and whoever has that key can log in nowhere else.
    fileprivate func probeTenant(_ file: ProbeSettings.Surroundings) -> ExactText? {
        let name = reference(to: "tenant", among: file.tenants.map { String($0.name) }).map { ExactText($0) }
        guard let name, let tenant = file.tenants.first(where: { $0.name == name }) else { return nil }
        guard case .publicKeyFiles = tenant.keys else {
            report(
                expected: "a tenant with `public_key_files`", found: "\(name), whose keys come from elsewhere",
                remedy: "The probe signs its tokens itself; give it a tenant of its own, never one of NewStore's.")
            return nil
        }
        let doors = file.providers.filter { $0.tenants.contains(name) }
        guard doors.count > 1 else { return name }
        report(
            expected: "a tenant that one identity provider accepts, the probe's own",
            found: "\(name), which \(doors.map(\.name.description).joined(separator: " and ")) accept",
            remedy: "Whoever has the probe's key could log in there.")
        return nil
    }

    fileprivate func probeProvider(_ file: ProbeSettings.Surroundings, _ tenant: ExactText?) -> ExactText? {
        let names = file.providers.map { String($0.name) }
        let name = reference(to: "identity provider", among: names).map { ExactText($0) }
        guard let name, let tenant, let provider = file.providers.first(where: { $0.name == name }) else { return nil }
        guard provider.tenants == [tenant] else {
            report(
                expected: "an identity provider of the probe's own, with `tenants: [\(tenant)]`",
                found: "\(name), with other tenants", remedy: "The probe's verifier could end associates' sessions.")
            return nil
        }
        guard case .minted(let token) = provider.token.kind else {
            report(
                expected: "an identity provider with `jwt` or `opaque` tokens", found: "\(name), with `upstream` ones",
                remedy: "A probe must not call an internal service every minute.")
            return nil
        }
        guard case .jwt(let shape) = token else { return name }
        let sharer = file.providers.first { $0.name != name && $0.audience == shape.audience }
        guard let sharer else { return name }
        report(
            expected: "an identity provider with an audience of its own",
            found: "\(name), with the one of \(sharer.name): \(shape.audience)",
            remedy: "A back end of that audience would take the probe for an associate.")
        return nil
    }

    fileprivate func probeVerifier(_ file: ProbeSettings.Surroundings, _ provider: ExactText?) -> ExactText? {
        let ids = file.verifiers.map { String($0.verifier.id) }
        let id = reference(to: "verifier", among: ids).map { ExactText($0) }
        guard let id, let provider, let verifier = file.verifiers.first(where: { $0.verifier.id == id })?.verifier
        else { return nil }
        if verifier.identityProviders == [provider], verifier.revocation == .own { return id }
        report(
            expected: "a verifier with `identity_providers: [\(provider)]` and `may_revoke: true`",
            found: "\(id), with other rights", remedy: "The probe needs these rights, and no more.")
        return nil
    }

    fileprivate func probeURL() -> String? {
        guard let url = webAddress(such: "https://identity.acme.example") else { return nil }
        guard url.address.path.hasSuffix("/") else { return url.text }
        report(expected: "a URL without a slash at its end")
        return nil
    }
}

extension IdentityProvider {
    /// Nil if its tokens are no JWTs.
    fileprivate var audience: ExactText? {
        if case .minted(.jwt(let shape)) = token.kind { shape.audience } else { nil }
    }
}
