/// Which client asked the issuer for the token (`azp`), where the tenant says who that must be.
struct AuthorizedPartyPolicy: IdentityPolicy {
    let rules: TenantRules

    func refusal(of identity: VerifiedIdentity, at now: UnixTime) -> Refusal? {
        if rules.authorizedParties.isEmpty { return nil }
        guard let party = identity.claims["azp"]?.string, rules.authorizedParties.contains(party) else {
            return .partyNotAllowed
        }
        return nil
    }

    static let claimNames: [ExactText] = ["azp"]
}
