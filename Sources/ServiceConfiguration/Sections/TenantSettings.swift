package import TokenExchange

/// A ``Tenant`` whose keys have not been loaded yet.
package struct TenantSettings: Configured, Sendable {
    /// Where the keys are. Paths are absolute.
    package enum Keys: Sendable, Hashable {
        /// A JWK set (RFC 7517 §5) that the issuer publishes.
        case jwksURL(RemoteKeySettings)
        /// A JWK set.
        case jwksFile(String)
        /// PEM; at least one.
        case publicKeyFiles([String])
    }

    package let name: ExactText
    package let issuer: ExactText
    package let keys: Keys
    package let rules: TenantRules
}

extension TenantSettings {
    /// All tenants; names and issuers must be unique.
    /// - Parameter publicURL: our own, which is not an issuer; nil if it could not be read.
    static func readAll(_ tenants: NodeReader, publicURL: String?) -> [TenantSettings]? {
        let (names, issuers) = (SeenValues("tenant"), SeenValues("issuer"))
        return tenants.list(atLeast: 1) { tenant in
            tenant.mapping { section in
                let name = section.required("name") { reader in
                    reader.name().flatMap { names.record($0, at: reader) }
                }
                let issuer = section.required("issuer") { reader in
                    reader.issuer(publicURL: publicURL).flatMap { issuers.record($0, at: reader) }
                }
                let keys = section.required("keys") { $0.mapping(Keys.read) }
                let rules = TenantRules.read(section)
                guard let name, let issuer, let keys else { return nil }
                return TenantSettings(name: ExactText(name), issuer: ExactText(issuer), keys: keys, rules: rules)
            }
        }
    }
}

extension TenantSettings.Keys {
    fileprivate static func read(_ section: MappingReader) -> Self? {
        let keys = section.exactlyOne([
            "jwks_url": { RemoteKeySettings.read(section, url: $0).map(Self.jwksURL) },
            "jwks_file": { $0.file().map(Self.jwksFile) },
            "public_key_files": { $0.distinctStrings(atLeast: 1) { $0.file() }.map(Self.publicKeyFiles) },
        ])
        if section.reader("jwks_url") == nil {
            for companion in RemoteKeySettings.companions {
                section.reader(companion)?.report(
                    expected: "no such key without `jwks_url`", found: "`\(companion)`", remedy: "Remove it.")
            }
        }
        return keys
    }
}

extension NodeReader {
    fileprivate func issuer(publicURL: String?) -> String? {
        guard let issuer = webAddress(such: "https://id.p.newstore.net/auth/realms/acme")?.text else { return nil }
        guard issuer == publicURL else { return issuer }
        report(
            expected: "an issuer of identity tokens", found: "`public_url`",
            remedy: "A token that we minted must never be exchanged again.")
        return nil
    }
}
