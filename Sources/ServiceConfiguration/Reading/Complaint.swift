/// What is wrong, without the place: the form that every message of this target has.
package struct Complaint: Error {
    let expected: String
    let found: String
    /// Whole sentences, or nil if `expected` says it all.
    let remedy: String?

    package init(expected: String, found: String, remedy: String? = nil) {
        self.expected = expected
        self.found = found
        self.remedy = remedy
    }

    package var message: String {
        "expected \(expected), found \(found)." + (remedy.map { " \($0)" } ?? "")
    }
}
