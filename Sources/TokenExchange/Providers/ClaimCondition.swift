/// A condition on a claim of the identity token. An absent claim never meets it.
package struct ClaimCondition: Sendable {
    /// What the claim must be. Numbers are equal if their values are.
    package enum Test: Sendable {
        /// An array with this element, or a string with this word (words are separated by spaces, as in `scope`).
        case contains(JSONValue)
        case equals(JSONValue)
        /// One of these, or an array with one of these.
        case anyOf([JSONValue])
        /// A string that the pattern matches as a whole.
        case matches(AnchoredPattern)
    }

    package let claim: ClaimPath
    package let test: Test

    package init(claim: ClaimPath, test: Test) {
        self.claim = claim
        self.test = test
    }

    /// Whether the claim is there and passes the test.
    func holds(for claims: ClaimsSet) -> Bool {
        guard let value = claims.value(at: claim) else { return false }
        switch test {
        case .contains(let element): return value.contains(element)
        case .equals(let other): return value.isSame(as: other)
        case .anyOf(let others):
            return others.contains { other in
                value.isSame(as: other) || value.elements.contains { $0.isSame(as: other) }
            }
        case .matches(let pattern): return value.string.map(pattern.matches) ?? false
        }
    }
}

extension JSONValue {
    /// Compares numbers by their exact value, however they are written, objects in any order of their members, and all
    /// else byte for byte.
    fileprivate func isSame(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.number, .number):
            self == other || exactNumber.map { $0 == other.exactNumber } ?? false
        case (.array(let elements), .array(let others)):
            elements.count == others.count && zip(elements, others).allSatisfy { $0.isSame(as: $1) }
        case (.object(let members), .object(let others)):
            members.count == others.count
                && members.allSatisfy { member in other[member.name].map(member.value.isSame) ?? false }
        default: self == other
        }
    }

    fileprivate var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    fileprivate func contains(_ element: JSONValue) -> Bool {
        switch self {
        case .array: elements.contains { $0.isSame(as: element) }
        case .string(let words): element.string.map(words.words.contains) ?? false
        case .null, .bool, .number, .object: false
        }
    }
}
