/// Where a claim stands: a top-level name, then names within nested objects. `[realm_access, roles]` in the configuration.
package struct ClaimPath: Sendable, Equatable {
    package let root: String
    package let rest: [String]

    package init(_ root: String, _ rest: [String] = []) {
        self.root = root
        self.rest = rest
    }
}
