/// Limits for JSON text from outside.
package struct JSONLimits: Sendable, Equatable {
    /// Nested objects and arrays; the outermost counts as 1.
    package let depth: Int
    /// Members of each object.
    package let members: Int

    package init(depth: Int = 16, members: Int = 256) {
        self.depth = depth
        self.members = members
    }
}

/// How strictly JSON from outside is read.
package enum JSONStrictness: Sendable {
    /// One meaning for every reader: no name twice in an object (RFC 7515 §4), no lone surrogate, no NUL.
    case unambiguous
    /// Only the grammar of RFC 8259: for documents whose parts are checked one by one, such as key sets.
    case grammar
}

/// Why a JSON text is refused.
package enum JSONError: String, Error, Sendable, CaseIterable {
    /// Not JSON by RFC 8259, not UTF-8, a string with a lone surrogate or NUL, or not an object at the top.
    case malformed
    /// Two members of one object have the same name once escapes are resolved (RFC 7515 §4).
    case duplicateMember
    case tooDeep
    case tooManyMembers
}
