/// Where a claim stands: a top-level name, then names within nested objects. `[realm_access, roles]` in the configuration.
package struct ClaimPath: Sendable, Equatable {
    package let root: ExactText
    package let rest: [ExactText]

    package init(_ root: ExactText, _ rest: [ExactText] = []) {
        self.root = root
        self.rest = rest
    }
}
