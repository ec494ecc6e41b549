/// Which client asked the issuer for the token (`azp`), if the tenant restricts it.
enum AuthorizedPartyPolicy: IdentityPolicy {
    static let rules = [
        VerificationRule(
            name: "authorized_party", refusals: [.partyNotAllowed],
            claims: { $0.authorizedParties.isEmpty ? [] : ["azp"] },
            expected: { $0.byTenant { ExplainedToken.oneOf($0.authorizedParties) } }, found: { $0.claim("azp") },
            remedy: "List the client in tenants[].authorized_parties.")
    ]

    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal? {
        let allowed = identity.tenant.rules.authorizedParties
        if allowed.isEmpty { return nil }
        guard let party = identity.claims["azp"]?.string, allowed.contains(party) else { return .partyNotAllowed }
        return nil
    }
}
