import Attacks
import FoundationEssentials
import JOSE
package import ServiceConfiguration
package import TokenExchange

/// Makes identity tokens like those of NewStore's Keycloak, signed with a development tenant's own private key.
package struct DevelopmentToken {
    private let tenant: TenantSettings
    private let signer: OpenSSLTokenSigner

    /// - Parameter tenantName: nil for the first tenant that has a development key.
    /// - Throws: ``StartUpError`` if the tenant is unknown, or has no private key beside its public one.
    package init(_ configuration: Configuration, tenantName: ExactText?) throws {
        let candidates = configuration.tenants.filter { tenantName == nil || $0.name == tenantName }
        guard !candidates.isEmpty else { throw configuration.unknownTenant(tenantName ?? "") }
        guard let tenant = candidates.first(where: Self.hasKey) else {
            throw StartUpError(
                candidates.map { tenant in
                    "tenant \(tenant.name) has no development key: expected its private key in \(tenant.developmentKeyFile)"
                })
        }
        self.tenant = tenant
        signer = try Self.signer(of: tenant)
    }

    /// Whether the tenant's private key is at hand.
    static func hasKey(_ tenant: TenantSettings) -> Bool {
        FileManager.default.fileExists(atPath: tenant.developmentKeyFile)
    }

    /// The tenant's private key; nil if it is not at hand.
    /// - Throws: ``StartUpError`` if it cannot be used.
    static func key(of tenant: TenantSettings) throws -> AttackKeys.Development? {
        guard hasKey(tenant) else { return nil }
        return AttackKeys.Development(file: tenant.developmentKeyFile, algorithm: try signer(of: tenant).algorithm)
    }

    private static func signer(of tenant: TenantSettings) throws -> OpenSSLTokenSigner {
        try .first(of: tenant.rules.algorithms, privateKeyFile: tenant.developmentKeyFile)
    }

    /// A signed token in compact form.
    /// - Parameters:
    ///   - claims: added to the usual ones, or replace them.
    ///   - lifetime: from `now` to `exp`.
    package func token(
        claims: [JSONValue.Member], lifetime: Duration, now: UnixTime
    ) throws -> String {
        // The odd spaces are Keycloak's.
        let header = #"{"alg":"\#(signer.algorithm.rawValue)","typ" : "JWT","kid" : "\#(signer.keyID)"}"#
        var token = Base64URL.encode(header)
        token.append(UInt8(ascii: "."))
        let members = AssociateClaims(tenant).members(lifetime: lifetime, now: now, replacing: claims)
        Base64URL.append(JSONValue.object(members).text, to: &token)
        let signature: [UInt8]
        do { signature = try signer.signature(over: token) } catch {
            throw StartUpError(["tenant \(tenant.name): its development key cannot sign: \(error.cause)"])
        }
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature, to: &token)
        return String(decoding: token, as: UTF8.self)
    }
}

extension Configuration {
    /// For a command line that names a tenant that there is not.
    func unknownTenant(_ name: ExactText) -> StartUpError {
        StartUpError([
            "there is no tenant \(name); known are \(tenants.map(\.name.description).joined(separator: ", "))"
        ])
    }
}

extension TenantSettings {
    /// `<tenant>.private.pem` beside the tenant's public key, or in the working folder if that key is fetched. A
    /// production tenant has none.
    fileprivate var developmentKeyFile: String {
        let publicFile =
            switch keys {
            case .jwksURL: "\(FileManager.default.currentDirectoryPath)/jwks.json"
            case .jwksFile(let path): path
            case .publicKeyFiles(let paths): paths.first ?? ""
            }
        return URL(filePath: publicFile).deletingLastPathComponent().appending(path: "\(name).private.pem").path
    }
}
