/// Where to find a claim: a top-level name, then names in nested objects. `[realm_access, roles]` in the configuration.
package struct ClaimPath: Sendable, Equatable {
    /// The top-level claim.
    package let root: ExactText
    /// Names in nested objects, outermost first; empty for a top-level claim.
    package let rest: [ExactText]

    package init(_ root: ExactText, _ rest: [ExactText] = []) {
        self.root = root
        self.rest = rest
    }
}
