/// A program did not do what a test needs of it.
package struct ProgramFailure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}
