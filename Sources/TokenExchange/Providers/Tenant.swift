/// One NewStore realm: an issuer, its keys, and what its tokens must be like.
package struct Tenant: Sendable {
    package let name: String
    /// The `iss` of its tokens, compared byte for byte.
    package let issuer: String
    package let keys: any IssuerKeySource
    package let rules: TenantRules

    package init(name: String, issuer: String, keys: any IssuerKeySource, rules: TenantRules) {
        self.name = name
        self.issuer = issuer
        self.keys = keys
        self.rules = rules
    }
}

package struct TenantRules: Sendable, Equatable {
    package let algorithms: Set<SignatureAlgorithm>
    /// Values of the payload's `typ`; a token without one counts as `Bearer`.
    package let tokenKinds: Set<String>
    /// One of these must be in `aud`; empty: not checked.
    package let audiences: Set<String>
    /// `azp` must be one of these; empty: not checked.
    package let authorizedParties: Set<String>
    package let allowsServiceAccounts: Bool
    /// How far the issuer's clock may be from ours, either way.
    package let clockSkew: Duration
    /// The greatest `now - iat`; nil: not checked.
    package let maximumAge: Duration?
    /// `kid`s that the issuer has lost: a token that names one is refused, whatever key would fit it.
    package let deniedKeyIDs: Set<String>

    package init(
        algorithms: Set<SignatureAlgorithm> = [.rs256], tokenKinds: Set<String> = ["Bearer"],
        audiences: Set<String> = [],
        authorizedParties: Set<String> = [], allowsServiceAccounts: Bool = false, clockSkew: Duration = .seconds(30),
        maximumAge: Duration? = .seconds(3600), deniedKeyIDs: Set<String> = []
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
