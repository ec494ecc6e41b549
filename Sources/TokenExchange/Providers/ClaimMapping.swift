/// Where one claim of the external identity comes from.
package struct ClaimMapping: Sendable, Equatable {
    /// Paths in the identity token, or a constant.
    package enum Source: Sendable, Equatable {
        /// The first of these that the identity token has. The configuration's `from` is a list of one.
        case firstOf([ClaimPath])
        case value(JSONValue)
    }

    package let name: ExactText
    package let source: Source
    /// Whether the exchange is refused (`claim_missing`) if no source has a value.
    package let isRequired: Bool

    package init(name: ExactText, source: Source, isRequired: Bool = false) {
        self.name = name
        self.source = source
        self.isRequired = isRequired
    }

    /// Claims that Countersign itself sets or interprets (RFC 7519 §4.1, RFC 7800), and the other members of an answer
    /// to introspection (RFC 7662 §2.2). No mapping may use these names.
    package static let reservedNames: Set<ExactText> = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "identity_provider", "tenant", "cnf", "active", "session",
    ]

    /// The paths in the identity token that this mapping reads.
    package var paths: [ClaimPath] {
        if case .firstOf(let paths) = source { paths } else { [] }
    }

    /// The claim's value; nil if it is absent and not required.
    package func resolve(in claims: ClaimsSet) throws(Refusal) -> JSONValue? {
        switch source {
        case .value(let value): return value
        case .firstOf(let paths):
            for path in paths {
                if let value = claims.value(at: path) { return value }
            }
            if isRequired { throw .claimMissing }
            return nil
        }
    }
}
