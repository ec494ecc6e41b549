/// Whether this identity provider serves this associate: by tenant first, then by its conditions on claims.
struct IdentityProviderPolicy: IdentityPolicy {
    let provider: IdentityProvider

    func refusal(of identity: VerifiedIdentity, at now: UnixTime) -> Refusal? {
        guard provider.tenants.contains(identity.tenant.name) else { return .tenantNotAllowed }
        return provider.conditions.allSatisfy { $0.holds(for: identity.claims) } ? nil : .conditionNotMet
    }
}
