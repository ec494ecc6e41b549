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
        guard !candidates.isEmpty else {
            let known = configuration.tenants.map(\.name.description).joined(separator: ", ")
            throw StartUpError(["there is no tenant \(tenantName ?? ""); known are \(known)"])
        }
        guard
            let tenant = candidates.first(where: { FileManager.default.fileExists(atPath: $0.developmentKeyFile) })
        else {
            throw StartUpError(
                candidates.map { tenant in
                    "tenant \(tenant.name) has no development key: expected its private key in \(tenant.developmentKeyFile)"
                })
        }
        self.tenant = tenant
        signer = try Self.signer(of: tenant)
    }

    private static func signer(of tenant: TenantSettings) throws -> OpenSSLTokenSigner {
        var problem = ""
        for algorithm in SignatureAlgorithm.allCases where tenant.rules.algorithms.contains(algorithm) {
            do { return try OpenSSLTokenSigner(privateKeyFile: tenant.developmentKeyFile, algorithm: algorithm) } catch
            {
                problem = "\(error)"
            }
        }
        throw StartUpError([problem])
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
        Base64URL.append(JSONValue.object(merged(claims, lifetime: lifetime, now: now.wholeSeconds)).text, to: &token)
        let signature: [UInt8]
        do { signature = try signer.signature(over: token) } catch {
            throw StartUpError(["tenant \(tenant.name): its development key cannot sign: \(error.cause)"])
        }
        token.append(UInt8(ascii: "."))
        Base64URL.append(signature, to: &token)
        return String(decoding: token, as: UTF8.self)
    }

    private func merged(_ claims: [JSONValue.Member], lifetime: Duration, now: Int64) -> [JSONValue.Member] {
        let names = Set(claims.map(\.name))
        return associateClaims(lifetime: lifetime, now: now).filter { !names.contains($0.name) } + claims
    }

    private func associateClaims(lifetime: Duration, now: Int64) -> [JSONValue.Member] {
        let session = UUID().uuidString.lowercased()
        return [
            .init("exp", .number(literal: String(now + lifetime.components.seconds))),
            .init("iat", .number(literal: String(now))),
            .init("auth_time", .number(literal: String(now - 1))),
            .init("jti", .string(UUID().uuidString.lowercased())),
            .init("iss", .string(tenant.issuer)),
            .init("aud", .string(tenant.rules.audiences.min() ?? "account")),
            .init("sub", .string("f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55")),
            .init(
                "typ",
                .string(tenant.rules.tokenKinds.contains("Bearer") ? "Bearer" : tenant.rules.tokenKinds.min() ?? "")),
            .init("azp", .string(tenant.rules.authorizedParties.min() ?? "newstore-associate-app")),
            .init("session_state", .string(session)),
            .init("acr", .string("1")),
            .init(
                "realm_access",
                .object([.init("roles", .array([.string("offline_access"), .string("store_associate")]))])),
            .init("scope", .string("openid profile email")),
            .init("sid", .string(session)),
            .init("email_verified", .bool(true)),
            .init("name", .string("Jane Operator")),
            .init("preferred_username", .string("jane.operator@example.com")),
            .init("given_name", .string("Jane")),
            .init("family_name", .string("Operator")),
            .init("email", .string("jane.operator@example.com")),
            .init("http://newstore/newstore_id", .string("a1b2c3d4e5f60718293a4b5c6d7e8f90")),
            .init("http://newstore/tenant", .string(tenant.name)),
            .init("http://newstore/roles", .array([.string("store_associate")])),
        ]
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
