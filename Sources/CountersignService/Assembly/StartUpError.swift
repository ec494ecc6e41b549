import JOSE
package import ServiceConfiguration

/// Why the service does not start, or a command does nothing, for the operator: one line for each problem, with what
/// was expected, what was found and what to do.
package struct StartUpError: Error, CustomStringConvertible {
    package let problems: [String]

    /// - Parameter problems: at least one, each a whole line.
    package init(_ problems: [String]) {
        self.problems = problems
    }

    /// A single problem with its place in the configuration.
    package init(_ problem: ConfigurationProblem) {
        problems = ["\(problem)"]
    }

    /// Any error: the text of those that are meant for operators, a fixed sentence for all others.
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

/// Problems and remarks that come up while something is read. Problems prevent its use; remarks do not.
struct Findings {
    private(set) var problems: [String] = []
    var remarks: [String] = []

    /// Nil if `work` throws; its problems are then kept.
    @discardableResult
    mutating func collect<Value>(_ work: () throws -> Value) -> Value? {
        do { return try work() } catch {
            problems += StartUpError(error).problems
            return nil
        }
    }

    /// Keeps a problem that was found without an error.
    mutating func add(_ problem: ConfigurationProblem) { problems.append("\(problem)") }
}
