extension TokenRecipe {
    /// Checked by ``ClaimMapping/resolve(in:)`` when the external identity is made.
    static let mappedClaimsRule = VerificationRule(
        name: "mapped_claims", refusals: [.claimMissing], configuredClaims: { $0.token.claimRoots },
        expected: { "every required claim of \(ExplainedToken.list($0.provider.token.claims.map(\.name)))" },
        found: { $0.claims(at: $0.provider.token.claims.flatMap(\.paths)) },
        remedy: "Have the issuer add the claim, or drop required.")
}
