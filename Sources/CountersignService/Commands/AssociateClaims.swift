import FoundationEssentials
import ServiceConfiguration
import TokenExchange

/// What NewStore's Keycloak says of an associate, by what a tenant's rules ask for.
struct AssociateClaims {
    private let tenant: ExactText
    private let issuer: ExactText
    private let audience: ExactText
    private let kind: ExactText
    private let party: ExactText

    /// - Parameter tenant: nil for a staging tenant of NewStore's.
    init(_ tenant: TenantSettings? = nil) {
        let rules = tenant?.rules ?? TenantRules()
        self.tenant = tenant?.name ?? "acme-staging"
        issuer = tenant?.issuer ?? "https://id.p.newstore.net/auth/realms/acme-staging"
        audience = rules.audiences.min() ?? "account"
        kind = rules.tokenKinds.contains("Bearer") ? "Bearer" : rules.tokenKinds.min() ?? ""
        party = rules.authorizedParties.min() ?? "newstore-associate-app"
    }

    /// - Parameters:
    ///   - lifetime: from `now` to `exp`.
    ///   - claims: added to the usual ones, or replace them.
    func members(lifetime: Duration, now: UnixTime, replacing claims: [JSONValue.Member]) -> [JSONValue.Member] {
        let names = Set(claims.map(\.name))
        let now = now.wholeSeconds
        return members(now, expiresAt: now + lifetime.components.seconds).filter { !names.contains($0.name) } + claims
    }

    private func members(_ now: Int64, expiresAt: Int64) -> [JSONValue.Member] {
        let session = UUID().uuidString.lowercased()
        return [
            .init("exp", .number(literal: String(expiresAt))),
            .init("iat", .number(literal: String(now))),
            .init("auth_time", .number(literal: String(now - 1))),
            .init("jti", .string(UUID().uuidString.lowercased())),
            .init("iss", .string(issuer)),
            .init("aud", .string(audience)),
            .init("sub", .string("f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55")),
            .init("typ", .string(kind)),
            .init("azp", .string(party)),
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
            .init("http://newstore/tenant", .string(tenant)),
            .init("http://newstore/roles", .array([.string("store_associate")])),
        ]
    }
}
