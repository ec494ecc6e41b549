/// RFC 7519 §4.1.4 to §4.1.6, with the tenant's clock skew either way, and an upper bound of age.
struct ValidityPeriodPolicy: IdentityPolicy {
    let rules: TenantRules

    func refusal(of identity: VerifiedIdentity, at now: UnixTime) -> Refusal? {
        guard now < identity.acceptedUntil else { return .expired }
        let latestStart = now + rules.clockSkew
        if let notBefore = identity.notBefore, notBefore > latestStart { return .notYetValid }
        guard let issuedAt = identity.issuedAt else { return nil }
        if issuedAt > latestStart { return .issuedInFuture }
        if let maximumAge = rules.maximumAge, now - issuedAt > maximumAge + rules.clockSkew { return .tooOld }
        return nil
    }

    static let claimNames: [ExactText] = ["sub", "exp", "iat", "nbf"]
}
