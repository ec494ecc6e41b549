import JOSE
package import ServiceConfiguration

/// Why the service does not start, or a command does nothing: one line per problem, each with what was expected, what was
/// found and what to do. For the operator.
package struct StartUpError: Error, CustomStringConvertible {
    package let problems: [String]

    package init(_ problems: [String]) {
        self.problems = problems
    }

    package init(_ problem: ConfigurationProblem) {
        problems = ["\(problem)"]
    }

    /// Any error at all: those that speak to operators in their own words, others in one sentence.
    package init(_ error: any Error) {
        switch error {
        case let error as StartUpError: problems = error.problems
        case is ConfigurationError, is ConfigurationProblem, is KeyFileError: problems = ["\(error)"]
        default:
            problems = [
                "countersign cannot go on: something failed that it has no words for (\(type(of: error))). Look at the "
                    + "lines before this one; if they do not explain it, report it with them."
            ]
        }
    }

    package var description: String { problems.joined(separator: "\n") }
}

/// What comes up while something is read: problems keep it from being used, remarks do not.
struct Findings {
    private(set) var problems: [String] = []
    var remarks: [String] = []

    /// Nil, and its problems are kept, where `work` throws.
    @discardableResult
    mutating func collect<Value>(_ work: () throws -> Value) -> Value? {
        do { return try work() } catch {
            problems += StartUpError(error).problems
            return nil
        }
    }

    mutating func add(_ problem: ConfigurationProblem) { problems.append("\(problem)") }
}
