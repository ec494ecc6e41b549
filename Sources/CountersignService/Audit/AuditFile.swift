import Glibc

/// An audit file that is open for appending and locked against other writers, until it is closed.
struct AuditFile: Sendable {
    let descriptor: CInt
    let tail: AuditTail

    /// Opens the file, makes it if need be, and finds the end of its chain. May block.
    ///
    /// - Parameter patience: how long to wait for another writer.
    static func open(_ path: String, patience: Duration = .zero) throws(AuditFileError) -> AuditFile {
        let descriptor = Glibc.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
        guard descriptor >= 0 else { throw AuditFileError(path, errno: errno) }
        do throws(AuditFileError) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw AuditFileError(path, errno: errno) }
            guard status.st_mode & S_IFMT == S_IFREG else { throw AuditFileError(path, .noFile) }
            try lock(descriptor, path, patience)
            return AuditFile(descriptor: descriptor, tail: try tail(of: descriptor, path))
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Between two attempts. Patience is counted in pauses, so that no clock is needed.
    private static let pause: Duration = .milliseconds(50)

    private static func lock(_ descriptor: CInt, _ path: String, _ patience: Duration) throws(AuditFileError) {
        var pauses = Int(patience / pause)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw AuditFileError(path, errno: errno) }
            guard pauses > 0 else { throw AuditFileError(path, .locked) }
            pauses -= 1
            usleep(UInt32(pause / .microseconds(1)))
        }
    }

    private static func tail(of descriptor: CInt, _ path: String) throws(AuditFileError) -> AuditTail {
        // For the longest line, and one that was cut off after it.
        let longest = 2 * AuditChain.longestLine
        let size = Int(lseek(descriptor, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: max(0, min(size, longest)))
        let start = size - bytes.count
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(start)) }
        guard size >= 0, count == bytes.count else { throw AuditFileError(path, errno: errno) }
        guard let tail = AuditTail(bytes, isWhole: start == 0) else { throw AuditFileError(path, .otherContent) }
        return tail
    }

    /// Has the system write everything to the disk, and ends the lock.
    static func close(_ descriptor: CInt) {
        fsync(descriptor)
        Glibc.close(descriptor)
    }
}

/// The end of an audit file.
struct AuditTail: Sendable {
    let chain: AuditChain
    /// What stands after the last whole line, its line feed included.
    let rest: [UInt8]
    /// Whether the file holds nothing at all.
    let isEmpty: Bool

    /// - Parameters:
    ///   - bytes: the last ones of a file.
    ///   - isWhole: whether they are the whole file.
    /// - Returns: nil if no line of them is a line of the audit stream, so that this is some other file.
    init?(_ bytes: [UInt8], isWhole: Bool) {
        let lineFeed = UInt8(ascii: "\n")
        isEmpty = isWhole && bytes.isEmpty
        var end = bytes.last == lineFeed ? bytes.endIndex - 1 : bytes.endIndex
        while end > 0 {
            let start = bytes[..<end].lastIndex(of: lineFeed).map { $0 + 1 } ?? 0
            if let line = AuditLine(Array(bytes[start..<end])) {
                chain = AuditChain(after: line)
                rest = Array(bytes[end...])
                return
            }
            end = start - 1
        }
        // The very first line may have been cut off.
        let first = Array(#"{"sequence":1,"#.utf8)
        guard isWhole, bytes.prefix(first.count) == first.prefix(bytes.count) else { return nil }
        chain = AuditChain()
        rest = [lineFeed] + bytes
    }
}

/// Why an audit file cannot be written, in words for the operator.
package struct AuditFileError: Error, Equatable, CustomStringConvertible {
    enum Problem: Equatable {
        case system(CInt)
        case noFile
        case locked
        case otherContent
        case gone
    }

    let path: String
    let problem: Problem

    init(_ path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    init(_ path: String, errno code: CInt) {
        self.init(path, .system(code))
    }

    /// Whether it may pass by itself, so that a service starts all the same.
    var mayPass: Bool {
        if case .system(let code) = problem { [ENOSPC, EDQUOT, EIO, EFBIG, EINTR].contains(code) } else { false }
    }

    /// `expected …, found …. Remedy`
    package var description: String {
        switch problem {
        case .system(let code):
            "expected a file that can be appended to, found \(path): \(String(cString: strerror(code)))"
        case .noFile: "expected a regular file, found \(path), a folder, a pipe or a device"
        case .locked:
            "expected a file that no other process writes to, found \(path), which one has locked. Give each replica a file of "
                + "its own; if it is an earlier process of this one, wait until that has ended"
        case .otherContent:
            "expected an audit file, or none, found \(path), whose end holds no line of an audit stream. Move it away"
        case .gone: "expected the file that was opened, found that \(path) was deleted"
        }
    }
}
