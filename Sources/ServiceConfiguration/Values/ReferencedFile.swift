import BlockingWork
import Glibc

/// A file that the configuration names.
package struct ReferencedFile {
    private let path: String
    /// Whether other users of the machine must not be able to read it.
    private let isPrivate: Bool

    /// - Parameter path: absolute.
    package init(_ path: String, isPrivate: Bool = false) {
        self.path = path
        self.isPrivate = isPrivate
    }

    /// Why the file cannot be used; nil if it can be read.
    var complaint: Complaint? {
        ReadingNote.begin(path)
        var status = stat()
        guard stat(path, &status) == 0 else { return Complaint(FileFailure(errnoOf: path)) }
        if let failure = FileFailure(kind: status, of: path) { return Complaint(failure) }
        if isPrivate, status.st_mode & S_IROTH != 0 {
            return Complaint(
                expected: "a file that other users cannot read", found: "\(path), readable by everybody",
                remedy: "Run `chmod 600` on it, and replace what it holds if others use this machine.")
        }
        return access(path, R_OK) == 0 ? nil : Complaint(FileFailure(errnoOf: path))
    }

    /// Reads the file. Blocks its thread.
    /// - Parameter limit: in bytes; a longer file is refused.
    package func contents(limit: Int) throws(Complaint) -> [UInt8] {
        if let complaint { throw complaint }
        do { return try FileContents.read(path, limit: limit) } catch { throw Complaint(error) }
    }
}

extension Complaint {
    /// In the words of the failure, without a remedy.
    init(_ failure: FileFailure) {
        self.init(expected: failure.expected, found: failure.found)
    }
}
