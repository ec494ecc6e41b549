import Glibc

/// `audit`: who logged in, who was refused, and what was revoked, as a stream of its own.
package struct AuditSettings: Sendable, Equatable {
    /// Where the lines go.
    package enum Output: Sendable, Equatable {
        /// An absolute path. The folder exists; the file is made if need be.
        case file(String)
        case standardOutput
    }

    package let output: Output
    /// Whether a login is answered with a token only once its line is written.
    package let isRequired: Bool
    /// How many bytes of lines may wait to be written; further lines are dropped.
    package let queueBytes: Int
    /// How many refused requests have a line each second; the others are counted.
    package let refusalsPerSecond: Int
}

extension AuditSettings {
    static func read(_ section: MappingReader) -> AuditSettings? {
        let output: Output? = section.exactlyOne([
            "file": { $0.auditFile().map(Output.file) },
            "stdout": { reader in
                guard let isWanted = reader.boolean("true") else { return nil }
                if !isWanted { reader.report(expected: "true, or no `audit` at all") }
                return .standardOutput
            },
        ])
        let settings = (
            isRequired: section.value("required", default: false) { $0.boolean() },
            queueBytes: section.value("queue_bytes", default: 1 << 20) { $0.integer(in: 65_536...(1 << 30)) },
            refusalsPerSecond: section.value("refusals_per_second", default: 100) { $0.integer(in: 1...10_000) }
        )
        return output.map {
            AuditSettings(
                output: $0, isRequired: settings.isRequired, queueBytes: settings.queueBytes,
                refusalsPerSecond: settings.refusalsPerSecond)
        }
    }
}

extension NodeReader {
    /// The absolute path of a file that can be appended to, or made.
    fileprivate func auditFile() -> String? {
        guard let path = path() else { return nil }
        pass.refer(from: self) { AppendedFile(path).complaint }
        return path
    }
}

/// A file that the configuration names, and that the service writes to.
private struct AppendedFile {
    private let path: String

    init(_ path: String) {
        self.path = path
    }

    /// Why it cannot be written; nil if it can.
    var complaint: Complaint? {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                return Complaint(
                    expected: "a regular file", found: "\(path), a folder, a pipe or a device",
                    remedy: "For standard output write `stdout: true`.")
            }
            return access(path, R_OK | W_OK) == 0 ? nil : failure(of: path)
        }
        guard errno == ENOENT else { return failure(of: path) }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        return access(folder.isEmpty ? "/" : folder, W_OK | X_OK) == 0 ? nil : failure(of: folder)
    }

    private func failure(of path: String) -> Complaint {
        Complaint(
            expected: "a file that can be read and appended to, in a folder that exists",
            found: "\(path): \(String(cString: strerror(errno)))", remedy: nil)
    }
}
