package import TokenExchange

/// A ``Tenant`` whose keys are still to be loaded.
package struct TenantSettings: Sendable {
    /// Absolute paths of files that could be read.
    package enum Keys: Sendable, Equatable {
        /// A JWK set (RFC 7517 §5).
        case jwksFile(String)
        /// PEM; at least one.
        case publicKeyFiles([String])
    }

    package let name: String
    package let issuer: String
    package let keys: Keys
    package let rules: TenantRules
}

extension TenantSettings {
    static func readAll(_ tenants: NodeReader, publicURL: String?) -> [TenantSettings]? {
        let (names, issuers) = (SeenValues("tenant"), SeenValues("issuer"))
        return tenants.list(atLeast: 1) { tenant in
            tenant.mapping { section in
                let name = section.required("name") { reader in
                    reader.name().flatMap { names.note($0, at: reader) }
                }
                let issuer = section.required("issuer") { reader in
                    reader.issuer(publicURL: publicURL).flatMap { issuers.note($0, at: reader) }
                }
                let keys = section.required("keys") { $0.mapping(Keys.read) }
                let rules = TenantRules.read(section)
                guard let name, let issuer, let keys else { return nil }
                return TenantSettings(name: name, issuer: issuer, keys: keys, rules: rules)
            }
        }
    }
}

extension TenantSettings.Keys {
    fileprivate static func read(_ section: MappingReader) -> Self? {
        if let url = section.refused("jwks_url") {
            url.refuseJWKSURL()
            return nil
        }
        return section.exactlyOne([
            "jwks_file": { $0.file().map(Self.jwksFile) },
            "public_key_files": { $0.distinctStrings(atLeast: 1) { $0.file() }.map(Self.publicKeyFiles) },
        ])
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

    fileprivate func refuseJWKSURL() {
        guard webAddress(such: "https://id.p.newstore.net/…/protocol/openid-connect/certs") != nil else { return }
        report(
            expected: "jwks_file or public_key_files", found: "jwks_url",
            remedy: "keys.jwks_url is not supported by this version; use jwks_file or public_key_files.")
    }
}
