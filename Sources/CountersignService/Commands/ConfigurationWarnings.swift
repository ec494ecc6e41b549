import Outbound
package import ServiceConfiguration
import TokenExchange

/// What `check-config` and `doctor` warn of: settings that are allowed, and hardly ever meant. Needs the file alone.
extension Configuration {
    /// A line for each, with its place.
    package var warnings: [String] {
        (listenWarnings + storeWarnings + tenantWarnings + claimWarnings + patternWarnings).map(\.description)
    }

    /// Whether clients reach us by a name of the network, so that this is no trial on one machine.
    private var isPublic: Bool { publicURL.hasPrefix("https") }

    private var listenWarnings: [ConfigurationProblem] {
        var warnings: [ConfigurationProblem] = []
        if !HostPort.isLoopback(listen.operations.host) {
            warnings += [operationsWarning].compactMap(\.self)
        }
        if isPublic, listen.tls == nil, listen.trustedProxies.networks.isEmpty {
            warnings.append(
                places["listen.trusted_proxies"].problem(
                    expected: "the addresses of what ends TLS for \(publicURL)", found: "none",
                    remedy: "Without them all clients are one, and share one allowance of refused requests."))
        }
        return warnings
    }

    /// For an operations listener that others reach.
    private var operationsWarning: ConfigurationProblem? {
        let access = listen.operationsAccess
        if !access.isGuarded {
            return places["listen.operations"].problem(
                expected: "an address of this machine alone", found: "\(listen.operations)",
                remedy: "Whoever reaches it reads metrics; keep others from it by a firewall or a network policy.")
        }
        guard access.tls == nil else { return nil }
        return places["listen.operations"].problem(
            expected: "`tls` beside `bearer`", found: "none",
            remedy: "Without it, whoever sees the network's traffic reads the secret.")
    }

    private var storeWarnings: [ConfigurationProblem] {
        guard isPublic, case .memory = sessions.store else { return [] }
        return [
            places["sessions.store"].problem(
                expected: "`redis` behind \(publicURL)", found: "`memory`",
                remedy: "Sessions end with the process, and other replicas do not know them.")
        ]
    }

    private var tenantWarnings: [ConfigurationProblem] {
        tenants.enumerated().flatMap { index, tenant in
            [
                slashWarning(tenant, at: places["tenants[\(index)].issuer"]),
                keyWarning(tenant, at: places["tenants[\(index)].keys.jwks_url"]),
                useWarning(tenant, at: places["tenants[\(index)].name"]),
            ].compactMap(\.self)
        }
    }

    private func slashWarning(_ tenant: TenantSettings, at place: ConfigurationPlace) -> ConfigurationProblem? {
        guard tenant.issuer.bytes.last == UInt8(ascii: "/") else { return nil }
        return place.problem(
            expected: "an issuer without a slash at its end, as NewStore's are", found: "\(tenant.issuer)",
            remedy: "It is compared with a token's `iss` byte for byte.")
    }

    /// Two realms of one host are easily mixed up.
    private func keyWarning(_ tenant: TenantSettings, at place: ConfigurationPlace) -> ConfigurationProblem? {
        guard case .jwksURL(let keys) = tenant.keys, let host = OutboundURL(keys.url)?.origin.host,
            !HostPort.isLoopback(host)
        else { return nil }
        let issuer = tenant.issuer.bytes.last == UInt8(ascii: "/") ? "\(tenant.issuer)" : "\(tenant.issuer)/"
        if keys.url.utf8.starts(with: issuer.utf8) { return nil }
        return place.problem(
            expected: "the key set of \(tenant.issuer), whose address begins like that", found: keys.url,
            remedy: "With another realm's keys every token is refused, or another realm's are accepted.")
    }

    private func useWarning(_ tenant: TenantSettings, at place: ConfigurationPlace) -> ConfigurationProblem? {
        if identityProviders.contains(where: { $0.tenants.contains(tenant.name) }) { return nil }
        return place.problem(
            expected: "an identity provider with \(tenant.name) among its `tenants`", found: "none",
            remedy: "Every token of this tenant is refused.")
    }
}

// MARK: - Claims

extension Configuration {
    private var claimWarnings: [ConfigurationProblem] {
        identityProviders.enumerated().flatMap { index, provider in
            provider.claimReferences.compactMap { reference in
                guard let name = reference.path.dottedName else { return nil }
                return places["identity_providers[\(index)].\(reference.keyPath)"].problem(
                    expected: "a path as a list, if one is meant", found: "the one name \(name)",
                    remedy: "Write [\(name.replacing(".", with: ", "))] if each stands within the one before.")
            }
        }
    }

    private var patternWarnings: [ConfigurationProblem] {
        identityProviders.enumerated().flatMap { index, provider in
            provider.conditions.enumerated().compactMap { number, condition in
                guard case .matches(let pattern) = condition.test, !pattern.canMatch else { return nil }
                return places["identity_providers[\(index)].conditions[\(number)].matches"].problem(
                    expected: "a pattern that some text matches", found: "one that nothing can match",
                    remedy:
                        "Every login is refused. `^` holds only before the first character, `$` only after the last.")
            }
        }
    }
}

extension IdentityProvider {
    /// Every place that names a claim of the identity token, from the provider on.
    fileprivate var claimReferences: [(keyPath: String, path: ClaimPath)] {
        token.claims.flatMap { claim in claim.paths.map { ("token.claims.\(claim.name)", $0) } }
            + conditions.enumerated().map { ("conditions[\($0.offset)].claim", $0.element.claim) } + upstreamReferences
    }

    private var upstreamReferences: [(keyPath: String, path: ClaimPath)] {
        guard case .upstream(let recipe) = token.kind else { return [] }
        let fields =
            recipe.headers.map { ("headers", $0) } + recipe.body.map { ("body", $0) }
            + (recipe.access?.headers ?? []).map { ("access_token.headers", $0) }
            + (recipe.access?.body ?? []).map { ("access_token.body", $0) }
        return fields.flatMap { section, field in
            field.paths.map { ("token.upstream.\(section).\(field.name)", $0) }
        }
    }
}

extension ClaimPath {
    /// The name, if it looks like a path that was written as one name; nil for a URL, which has dots of its own.
    fileprivate var dottedName: String? {
        let name = String(root)
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isPlain = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
        return rest.isEmpty && parts.count > 1 && !parts.contains("") && isPlain ? name : nil
    }
}
