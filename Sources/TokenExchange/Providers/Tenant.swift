/// One NewStore realm: an issuer, its keys, and the rules for its tokens.
package final class Tenant: Sendable {
    /// Also the `tenant` claim.
    package let name: ExactText
    /// The `iss` of its tokens, compared byte for byte.
    package let issuer: ExactText
    package let keys: any IssuerKeySource
    package let rules: TenantRules

    package init(name: ExactText, issuer: ExactText, keys: any IssuerKeySource, rules: TenantRules) {
        self.name = name
        self.issuer = issuer
        self.keys = keys
        self.rules = rules
    }
}

/// What a tenant's tokens must be like; ``VerifyIdentityToken`` checks it.
package struct TenantRules: Sendable, Equatable {
    /// Those that its tokens may be signed with.
    package let algorithms: Set<SignatureAlgorithm>
    /// Values of the payload's `typ`; a token without one counts as `Bearer`.
    package let tokenKinds: Set<ExactText>
    /// One of these must be in `aud`; empty: not checked.
    package let audiences: Set<ExactText>
    /// `azp` must be one of these; empty: not checked.
    package let authorizedParties: Set<ExactText>
    package let allowsServiceAccounts: Bool
    /// How far the issuer's clock may be from ours, either way.
    package let clockSkew: Duration
    /// The greatest `now - iat`; nil: not checked.
    package let maximumAge: Duration?
    /// `kid`s of compromised keys: a token that names one is refused, whatever key would fit it.
    package let deniedKeyIDs: Set<ExactText>

    package init(
        algorithms: Set<SignatureAlgorithm> = [.rs256], tokenKinds: Set<ExactText> = ["Bearer"],
        audiences: Set<ExactText> = [],
        authorizedParties: Set<ExactText> = [], allowsServiceAccounts: Bool = false, clockSkew: Duration = .seconds(30),
        maximumAge: Duration? = .seconds(3600), deniedKeyIDs: Set<ExactText> = []
    ) {
        self.algorithms = algorithms
        self.tokenKinds = tokenKinds
        self.audiences = audiences
        self.authorizedParties = authorizedParties
        self.allowsServiceAccounts = allowsServiceAccounts
        self.clockSkew = clockSkew
        self.maximumAge = maximumAge
        self.deniedKeyIDs = deniedKeyIDs
    }
}
