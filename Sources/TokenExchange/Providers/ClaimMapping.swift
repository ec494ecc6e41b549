/// How one claim of the external identity comes about.
package struct ClaimMapping: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// The first of these that the identity token has; `from` is a list of one.
        case firstOf([ClaimPath])
        case value(JSONValue)
    }

    package let name: ExactText
    package let source: Source
    /// Whether the exchange is refused (`claim_missing`) where no source has a value.
    package let isRequired: Bool

    package init(name: ExactText, source: Source, isRequired: Bool = false) {
        self.name = name
        self.source = source
        self.isRequired = isRequired
    }

    /// Claims that Countersign itself sets or gives a meaning to (RFC 7519 §4.1, RFC 7800), and what it says of a token
    /// beside its claims (RFC 7662 §2.2); no mapping may name them.
    package static let reservedNames: Set<ExactText> = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "identity_provider", "tenant", "cnf", "active", "session",
    ]

    /// Where in the identity token this mapping looks.
    var paths: [ClaimPath] {
        if case .firstOf(let paths) = source { paths } else { [] }
    }

    /// The claim's value; nil if it is absent and may be.
    func resolve(in claims: ClaimsSet) throws(Refusal) -> JSONValue? {
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
