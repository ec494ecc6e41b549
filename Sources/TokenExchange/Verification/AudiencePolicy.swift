/// For whom the token was issued (`aud`, RFC 7519 §4.1.3), where the tenant says who that must be.
struct AudiencePolicy: IdentityPolicy {
    let rules: TenantRules

    func refusal(of identity: VerifiedIdentity, at now: UnixTime) -> Refusal? {
        if rules.audiences.isEmpty { return nil }
        switch identity.claims["aud"] {
        case .string(let audience): return rules.audiences.contains(audience) ? nil : .audienceNotAllowed
        case .array(let audiences):
            return audiences.contains { $0.string.map(rules.audiences.contains) ?? false } ? nil : .audienceNotAllowed
        default: return .audienceNotAllowed
        }
    }

    static let claimNames: [ExactText] = ["aud"]
}
