import JOSE
package import ServiceConfiguration
package import TokenExchange

/// What `countersign keys` does with the signing directory.
package struct SigningKeyCommands {
    private let directory: SigningKeyDirectory

    package init(_ configuration: Configuration) {
        directory = SigningKeyDirectory(path: configuration.signing.directory)
    }

    /// Makes a key; says where it is and what it is called.
    package func generate(_ algorithm: SignatureAlgorithm) throws(StartUpError) -> String {
        do {
            let key = try directory.generate(algorithm: algorithm)
            return "\(key.algorithm.rawValue) key \(key.keyID) is \(key.state.rawValue): \(key.fileName)"
        } catch { throw StartUpError(["\(error)"]) }
    }

    /// A table of all keys.
    package func list() throws(StartUpError) -> String {
        do {
            let rows = try directory.load().entries.map {
                [$0.keyID, $0.algorithm.rawValue, $0.state.rawValue, $0.fileName]
            }
            return Self.table([["KID", "ALGORITHM", "STATE", "FILE"]] + rows)
        } catch { throw StartUpError(["\(error)"]) }
    }

    private static func table(_ rows: [[String]]) -> String {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
                .trimmingSuffix(while: { $0 == " " })
        }.joined(separator: "\n")
    }
}

extension String {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> String {
        String(self[..<(lastIndex { !predicate($0) }.map(index(after:)) ?? startIndex)])
    }
}
