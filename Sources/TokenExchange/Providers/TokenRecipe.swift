/// How the external identities of one identity provider are made.
package struct TokenRecipe: Sendable {
    /// Who makes the tokens.
    package enum Kind: Sendable, Equatable {
        /// Made here.
        case minted(Minted)
        /// A token of an internal service, passed through.
        indirect case upstream(UpstreamRecipe)

        /// Short for a minted JWT.
        package static func jwt(_ shape: JWTShape) -> Self { .minted(.jwt(shape)) }
        package static let opaque = Self.minted(.opaque)
    }

    /// The forms of token that are made here.
    package enum Minted: Sendable, Equatable {
        /// A signed JWT that verifiers can check by themselves.
        case jwt(JWTShape)
        /// `csx_` and 32 random bytes, which only introspection can interpret.
        case opaque
    }

    /// The configuration of a minted JWT, except its claims.
    package struct JWTShape: Sendable, Equatable {
        package let algorithm: SignatureAlgorithm
        /// The `aud` claim.
        package let audience: ExactText
        /// A longer token is `mint_failed`: tokens must fit into deep links and URL fragments.
        package let maximumBytes: Int

        package init(algorithm: SignatureAlgorithm, audience: ExactText, maximumBytes: Int) {
            self.algorithm = algorithm
            self.audience = audience
            self.maximumBytes = maximumBytes
        }
    }

    package let kind: Kind
    /// How long a token and its session live, in whole seconds.
    package let lifetime: Duration
    /// Mapped claims: in a JWT itself, for other tokens in the answer to introspection.
    package let claims: [ClaimMapping]

    package init(kind: Kind, lifetime: Duration, claims: [ClaimMapping]) {
        self.kind = kind
        self.lifetime = lifetime
        self.claims = claims
    }

    /// The top-level claims of the identity token that the recipe reads.
    var claimRoots: [ExactText] {
        let roots = claims.flatMap(\.paths).map(\.root)
        if case .upstream(let recipe) = kind { return roots + recipe.claimRoots }
        return roots
    }
}
