/// Bounds of a JSON text that comes from outside.
package struct JSONLimits: Sendable, Equatable {
    /// Nested objects and arrays; the outermost counts as 1.
    package let depth: Int
    /// Members of any one object.
    package let members: Int

    package init(depth: Int = 16, members: Int = 256) {
        self.depth = depth
        self.members = members
    }
}

package enum JSONError: Error, Sendable, Equatable {
    /// Not JSON as RFC 8259 has it, not UTF-8, or no object at the top.
    case malformed
    /// Two members of one object have the same name once escapes are resolved (RFC 7515 §4).
    case duplicateMember
    case tooDeep
    case tooManyMembers
}
