import Glibc

/// A file that the configuration names.
package struct ReferencedFile {
    private let path: String
    /// Whether other users of the machine must be kept from reading it.
    private let isPrivate: Bool

    package init(_ path: String, isPrivate: Bool = false) {
        self.path = path
        self.isPrivate = isPrivate
    }

    /// What keeps the file from being used; nil where it can be read.
    var complaint: Complaint? {
        var status = stat()
        guard stat(path, &status) == 0 else { return unreadable }
        if status.st_mode & S_IFMT == S_IFDIR {
            return Complaint(expected: "a file", found: "the folder \(path)")
        }
        if isPrivate, status.st_mode & S_IROTH != 0 {
            return Complaint(
                expected: "a file that other users cannot read", found: "\(path), readable by everybody",
                remedy: "Run `chmod 600` on it, and replace what it holds if others use this machine.")
        }
        return access(path, R_OK) == 0 ? nil : unreadable
    }

    /// - Parameter limit: in bytes; a longer file is refused.
    package func contents(limit: Int) throws(Complaint) -> [UInt8] {
        if let complaint { throw complaint }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable }
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &piece, piece.count)
            guard count >= 0 else { throw unreadable }
            if count == 0 { return contents }
            contents += piece[..<count]
            guard contents.count <= limit else {
                throw Complaint(expected: "a file of at most \(limit) bytes", found: "a longer one: \(path)")
            }
        }
    }

    /// By the operating system's last error.
    private var unreadable: Complaint {
        Complaint(expected: "a readable file", found: "\(path): \(String(cString: strerror(errno)))")
    }
}
