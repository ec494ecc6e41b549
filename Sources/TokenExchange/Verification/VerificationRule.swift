/// One rule that a token must pass, in words for people. It is declared next to the code that checks it;
/// ``VerifyIdentityToken/rules`` lists all of them in the order in which they are checked.
package struct VerificationRule: Sendable {
    /// Stable: `token explain --json` shows it.
    package let name: StaticString
    /// What the check throws for a token that breaks the rule. Each refusal belongs to one rule.
    package var refusals: [Refusal] = []
    /// Our own failures, which leave open whether the token passes.
    var failures: [Failure.Kind] = []
    /// Top-level claims of the token that the check reads, by a tenant's rules.
    var claims: @Sendable (TenantRules) -> [ExactText] = { _ in [] }
    /// Top-level claims that it reads because an identity provider's configuration names them.
    var configuredClaims: @Sendable (IdentityProvider) -> [ExactText] = { _ in [] }
    /// What a token must be like.
    let expected: @Sendable (ExplainedToken) -> String
    var found: @Sendable (ExplainedToken) -> Finding = { _ in Finding() }
    /// What to do about a token that breaks the rule.
    package let remedy: String

    /// What a token is like in respect of one rule.
    struct Finding: Sendable {
        /// Types, sizes and time differences; of values only those that say nothing about anybody, such as a `typ`.
        var shape = ""
        /// The value itself, for `--show-values`; nil if there is none.
        var value: String?
    }
}
