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

/// What JSON from outside must keep to.
package enum JSONStrictness: Sendable {
    /// One meaning for every reader: no name twice in an object (RFC 7515 §4), no lone surrogate, no NUL.
    case unambiguous
    /// The grammar of RFC 8259 alone: for documents of independent parts, each of which is judged by itself.
    case grammar
}

package enum JSONError: Error, Sendable, Equatable {
    /// Not JSON as RFC 8259 has it, not UTF-8, or no object at the top.
    case malformed
    /// Two members of one object have the same name once escapes are resolved (RFC 7515 §4).
    case duplicateMember
    case tooDeep
    case tooManyMembers
}
