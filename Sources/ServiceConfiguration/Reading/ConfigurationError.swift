/// Why a configuration file is not used: every problem that was found in it, in document order.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    /// One line per problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One fault of a configuration file, or of what it refers to. Holds no secret: secret positions are described by type
/// alone.
package struct ConfigurationProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let place: ConfigurationPlace
    /// `expected …, found …. Remedy`
    package let message: String

    package var description: String { "\(place): \(message)" }
}

/// Where the configuration says something, as messages name it: `countersign.yaml:7: listen.tls.private_key`.
package struct ConfigurationPlace: Sendable, Equatable, CustomStringConvertible {
    /// The file as the caller named it.
    package let file: String
    /// From 1; nil if the file could not be read at all.
    package let line: Int?
    /// `tenants[0].keys`; empty for the document as a whole.
    package let keyPath: String

    package var description: String {
        [line.map { "\(file):\($0)" } ?? file, keyPath].filter { !$0.isEmpty }.joined(separator: ": ")
    }

    /// - Parameter remedy: whole sentences, or nil if `expected` says it all.
    package func problem(expected: String, found: String, remedy: String? = nil) -> ConfigurationProblem {
        problem(Complaint(expected: expected, found: found, remedy: remedy))
    }

    package func problem(_ complaint: Complaint) -> ConfigurationProblem {
        ConfigurationProblem(place: self, message: complaint.message)
    }
}

/// The lines of a file by their key paths.
package struct ConfigurationPlaces: Sendable {
    let file: String
    let lines: [String: Int]

    /// The place of a key such as `tenants[0].keys.jwks_file`; where the file does not have it, the line of what would
    /// hold it.
    package subscript(_ keyPath: String) -> ConfigurationPlace {
        var known = Substring(keyPath)
        while lines[String(known)] == nil, let end = known.lastIndex(where: { ".[".contains($0) }) {
            known = known[..<end]
        }
        return ConfigurationPlace(file: file, line: lines[String(known)], keyPath: keyPath)
    }
}
