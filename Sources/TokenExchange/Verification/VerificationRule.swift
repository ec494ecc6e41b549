/// One thing that a token must pass, as people are told of it. It stands beside the check that holds it;
/// ``VerifyIdentityToken/rules`` has them in the order in which they are checked.
package struct VerificationRule: Sendable {
    /// Stable: `token explain --json` shows it.
    package let name: String
    /// What the check says of a token that breaks the rule. No other rule's check says the same.
    package var refusals: [Refusal] = []
    /// Ours, which leave it open whether the token keeps the rule.
    var failures: [Failure.Kind] = []
    /// Top-level claims of the token that the check reads.
    var claims: [ExactText] = []
    /// Top-level claims that it reads because an identity provider's configuration names them.
    var configuredClaims: @Sendable (IdentityProvider) -> [ExactText] = { _ in [] }
    let expected: @Sendable (ExplainedToken) -> String
    var found: @Sendable (ExplainedToken) -> Finding = { _ in Finding() }
    /// What to do about a token that breaks the rule.
    package let remedy: String

    /// What a token has where a rule looks.
    struct Finding: Sendable {
        /// Shapes and distances, no values.
        var shape = ""
        /// The value itself, for whoever may see it; nil if there is none.
        var value: String?
    }
}
