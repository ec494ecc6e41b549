import BlockingWork
import JOSE
package import Logging
import Outbound

/// What runs: the program, and the libraries as they are loaded. For `--version` and the first line of the log.
package struct VersionReport: Sendable {
    private let parts: [(name: String, value: String)]

    /// - Parameter commit: that the program was built from, or `unknown`.
    package init(commit: StaticString) {
        let maps = (try? FileContents.read("/proc/self/maps")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let file = { Self.file(of: $0, in: maps) }
        // libjwt and hiredis do not tell their version; the names of their files do.
        parts = [
            ("commit", "\(commit)"), ("Swift", "\(BuildInformation.swift)"),
            ("OpenSSL", "\(OpenSSLLibrary.version.trimmingPrefix("OpenSSL ")) (\(file("libcrypto")))"),
            ("libjwt", file("libjwt")),
            ("hiredis", file("libhiredis")),
        ]
    }

    /// A line for each part; the first one is the program and its version.
    package var text: String {
        (["countersign \(BuildInformation.version)"] + parts.map { "\($0.name): \($0.value)" }).joined(separator: "\n")
    }

    /// The same, for a log line.
    package var metadata: Logger.Metadata {
        let parts = parts.map { ($0.name.lowercased(), Logger.MetadataValue.string($0.value)) }
        return Logger.Metadata(uniqueKeysWithValues: parts + [("version", .string("\(BuildInformation.version)"))])
    }

    /// - Throws: ``StartUpError`` if the program must not run with a library that is loaded.
    package static func checkLibraries() throws {
        if let problem = OpenSSLLibrary.problem() { throw StartUpError([problem]) }
    }

    /// The file that is mapped into this process; links are resolved.
    /// - Parameter maps: lines of proc_pid_maps(5).
    package static func file(of library: String, in maps: String) -> String {
        let paths = maps.split(separator: "\n").map { line in String(line.drop { $0 != "/" }) }
        return paths.first { $0.contains("/\(library).so") } ?? "file unknown"
    }
}
