/// The claims of a genuine token (RFC 7519 §4) that were asked for. JSON null counts as absent.
package struct ClaimsSet: Sendable, Redacted {
    /// So few that looking through them is quicker than a hash.
    private let members: [JSONValue.Member]

    /// - Parameter members: top-level ones, each name once.
    package init(_ members: [JSONValue.Member]) {
        self.members = members
    }

    /// A top-level claim; nil if it is absent, null, or was not asked for.
    package subscript(name: ExactText) -> JSONValue? {
        // By index: an element would be copied to be looked at.
        guard let index = members.indices.first(where: { members[$0].name == name }) else { return nil }
        return members[index].value.unlessNull
    }

    /// The value at `path`, or nil if a step is absent, null, or passes through a value that is not an object.
    package func value(at path: ClaimPath) -> JSONValue? {
        var value = self[path.root]
        for name in path.rest { value = value?[name] }
        return value?.unlessNull
    }
}
