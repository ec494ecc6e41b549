package import ServiceConfiguration

/// Why the service does not start: one line per problem, each with file, expectation and remedy. For the operator.
package struct StartUpError: Error, CustomStringConvertible {
    package let problems: [String]

    package init(_ problems: [String]) {
        self.problems = problems
    }

    package init(_ error: ConfigurationError) {
        problems = ["\(error)"]
    }

    package var description: String { problems.joined(separator: "\n") }
}
