package import Glibc

/// Reads whole files.
package enum FileContents {
    /// - Parameters:
    ///   - limit: in bytes; a longer file is refused.
    ///   - mayBePipe: else only a regular file is read: a pipe can be read once, and keeps its reader until somebody writes.
    package static func read(
        _ path: String, limit: Int = 1 << 20, mayBePipe: Bool = false
    ) throws(FileFailure) -> [UInt8] {
        ReadingNote.begin(path)
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | (mayBePipe ? 0 : O_NONBLOCK))
        guard file >= 0 else { throw FileFailure(errnoOf: path) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw FileFailure(errnoOf: path) }
        if let failure = FileFailure(kind: status, of: path, mayBePipe: mayBePipe) { throw failure }
        return try contents(of: file, path, limit: limit)
    }

    private static func contents(of file: CInt, _ path: String, limit: Int) throws(FileFailure) -> [UInt8] {
        var contents: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe Glibc.read(file, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileFailure(errnoOf: path) }
            if count == 0 { return contents }
            contents += piece[..<count]
            guard contents.count <= limit else {
                throw FileFailure(expected: "a file of at most \(limit) bytes", found: "a longer one: \(path)")
            }
        }
    }
}

/// A file cannot be read, in words for the operator.
package struct FileFailure: Error, CustomStringConvertible {
    package let expected: String
    package let found: String
    /// What the operating system said; 0 if it did not refuse.
    package let code: CInt

    /// For what the operating system does not refuse, but we do.
    package init(expected: String, found: String) {
        self.expected = expected
        self.found = found
        code = 0
    }

    /// By the operating system's last error.
    package init(errnoOf path: String) {
        code = errno
        expected = "a readable file"
        found = "\(path): \(unsafe String(cString: strerror(code)))"
    }

    /// Nil for a regular file, and for a pipe or a device if it may be one.
    package init?(kind status: stat, of path: String, mayBePipe: Bool = false) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: return nil
        case S_IFDIR: self.init(expected: "a file", found: "the folder \(path)")
        case _ where mayBePipe: return nil
        default: self.init(expected: "a regular file", found: "\(path), a pipe or a device")
        }
    }

    package var description: String { "expected \(expected), found \(found)" }
}
