/// RFC 7519 §4.1.4 to §4.1.6, with the tenant's clock skew either way, and a limit on the age.
enum ValidityPeriodPolicy: IdentityPolicy {
    static let rules = [
        VerificationRule(
            name: "validity_period", refusals: [.expired, .notYetValid, .issuedInFuture, .tooOld],
            expected: {
                $0.byTenant { rules in
                    "now within nbf and exp, iat not ahead, \(ExplainedToken.seconds(rules.clockSkew)) of skew"
                        + (rules.maximumAge.map { ", at most \(ExplainedToken.seconds($0)) old" } ?? "")
                }
            },
            found: \.distances,
            remedy: "Log in again; if that does not help, set the clocks, or raise clock_skew or maximum_age.")
    ]

    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal? {
        let rules = identity.tenant.rules
        guard now < identity.acceptedUntil else { return .expired }
        let latestStart = now + rules.clockSkew
        if let notBefore = identity.notBefore, notBefore > latestStart { return .notYetValid }
        guard let issuedAt = identity.issuedAt else { return nil }
        if issuedAt > latestStart { return .issuedInFuture }
        if let maximumAge = rules.maximumAge, now > issuedAt + (maximumAge + rules.clockSkew) { return .tooOld }
        return nil
    }
}
