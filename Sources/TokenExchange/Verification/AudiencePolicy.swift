/// For whom the token was issued (`aud`, RFC 7519 §4.1.3), if the tenant restricts it.
enum AudiencePolicy: IdentityPolicy {
    static let rules = [
        VerificationRule(
            name: "audience", refusals: [.audienceNotAllowed], claims: { $0.audiences.isEmpty ? [] : ["aud"] },
            expected: { $0.byTenant { ExplainedToken.oneOf($0.audiences) } }, found: { $0.claim("aud") },
            remedy: "List the audience in tenants[].audiences, or have the issuer add one that is listed.")
    ]

    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal? {
        let allowed = identity.tenant.rules.audiences
        if allowed.isEmpty { return nil }
        switch identity.claims["aud"] {
        case .string(let audience): return allowed.contains(audience) ? nil : .audienceNotAllowed
        case .array(let audiences):
            return audiences.contains { $0.string.map(allowed.contains) ?? false } ? nil : .audienceNotAllowed
        default: return .audienceNotAllowed
        }
    }
}
