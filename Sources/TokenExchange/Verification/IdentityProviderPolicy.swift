/// Whether this identity provider serves this associate: by tenant first, then by its conditions on claims.
enum IdentityProviderPolicy: IdentityPolicy {
    static let rules = [
        VerificationRule(
            name: "tenant", refusals: [.tenantNotAllowed],
            expected: { "one of \(ExplainedToken.list($0.provider.tenants))" },
            found: { .init(shape: $0.tenant?.name.description ?? "") },
            remedy: "List the tenant in identity_providers[].tenants."),
        VerificationRule(
            name: "conditions", refusals: [.conditionNotMet], configuredClaims: { $0.conditions.map(\.claim.root) },
            expected: { $0.demands }, found: \.conditions,
            remedy: "Give the associate what identity_providers[].conditions ask for, or change them."),
    ]

    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal? {
        guard provider.tenants.contains(identity.tenant.name) else { return .tenantNotAllowed }
        return provider.conditions.allSatisfy { $0.holds(for: identity.claims) } ? nil : .conditionNotMet
    }
}
