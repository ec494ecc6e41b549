/// Why a configuration file is not used: every problem that was found in it, in document order.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    /// One line per problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One fault of a configuration file. Holds no secret: secret positions are described by type alone.
package struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
    /// The file as the caller named it.
    package let file: String
    /// From 1; nil where the file could not be read at all.
    package let line: Int?
    /// `tenants[0].keys`; empty for the document as a whole.
    package let keyPath: String
    /// `expected …, found …. Remedy`
    package let message: String

    package var description: String {
        [line.map { "\(file):\($0)" } ?? file, keyPath, message].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
