/// What is wrong, without the place. Every message of this target has this form.
package struct Complaint: Error {
    let expected: String
    let found: String
    /// Whole sentences, or nil if `expected` says it all.
    let remedy: String?

    /// - Parameters:
    ///   - expected: continues "expected".
    ///   - found: continues "found"; never a secret.
    package init(expected: String, found: String, remedy: String? = nil) {
        self.expected = expected
        self.found = found
        self.remedy = remedy
    }

    /// `expected …, found …. Remedy`
    package var message: String {
        "expected \(expected), found \(found)." + (remedy.map { " \($0)" } ?? "")
    }
}
