/// Why a configuration file cannot be used: every problem in it, in the order of the document.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    package let problems: [ConfigurationProblem]

    /// One line per problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One fault in a configuration file, or in what it refers to. Holds no secret: of a value that may be secret, only the
/// type is shown.
package struct ConfigurationProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let place: ConfigurationPlace
    /// `expected …, found …. Remedy`
    package let message: String

    package var description: String { "\(place): \(message)" }
}

/// A place in the configuration, as messages name it: `countersign.yaml:7: listen.tls.private_key`.
package struct ConfigurationPlace: Sendable, Equatable, CustomStringConvertible {
    /// The file as the caller named it.
    package let file: String
    /// Counted from 1; nil if the file could not be read at all.
    package let line: Int?
    /// `tenants[0].keys`; empty for the document as a whole.
    package let keyPath: String

    package var description: String {
        [line.map { "\(file):\($0)" } ?? file, keyPath].filter { !$0.isEmpty }.joined(separator: ": ")
    }

    /// A problem at this place.
    /// - Parameter remedy: whole sentences, or nil if `expected` says it all.
    package func problem(expected: String, found: String, remedy: String? = nil) -> ConfigurationProblem {
        problem(Complaint(expected: expected, found: found, remedy: remedy))
    }

    /// A problem at this place.
    package func problem(_ complaint: Complaint) -> ConfigurationProblem {
        ConfigurationProblem(place: self, message: complaint.message)
    }
}

/// The lines of a configuration file, by key path.
package struct ConfigurationPlaces: Sendable {
    let file: String
    let lines: [String: Int]

    /// The place of a key such as `tenants[0].keys.jwks_file`. If the file does not have the key, the line is that of
    /// the mapping that would hold it.
    package subscript(_ keyPath: String) -> ConfigurationPlace {
        var known = Substring(keyPath)
        while lines[String(known)] == nil, let end = known.lastIndex(where: { ".[".contains($0) }) {
            known = known[..<end]
        }
        return ConfigurationPlace(file: file, line: lines[String(known)], keyPath: keyPath)
    }
}
