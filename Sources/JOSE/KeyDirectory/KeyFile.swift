import BlockingWork
import Glibc
import TokenExchange

/// A file that holds one private key.
package enum KeyFile {
    /// Of a key: the largest RSA key allowed here has 6.5 KB of PEM.
    static let byteLimit = 64 * 1024

    /// - Parameters:
    ///   - problem: what to say of bits that are forbidden.
    ///   - forbidden: permission bits that must not be set; by default those of users who are neither the owner nor in the
    ///     group.
    ///   - limit: in bytes; a longer file is refused.
    /// - Throws: if one of the bits is set, before a byte is read.
    static func read(
        _ path: String, problem: (UInt32) -> KeyFileError.Problem = KeyFileError.Problem.worldAccessible,
        at forbidden: mode_t = 0o007, upTo limit: Int = byteLimit
    ) throws(KeyFileError) -> SecretBytes {
        ReadingNote.begin(path)
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw failure("open the file", path) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw failure("look at the file", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw KeyFileError(path: path, problem: .noRegularFile) }
        guard status.st_mode & forbidden == 0 else {
            throw KeyFileError(path: path, problem: problem(status.st_mode & 0o7777))
        }
        guard status.st_size <= limit else { throw KeyFileError(path: path, problem: .tooLarge(limit: limit)) }
        return unsafe try SecretBytes(capacity: Int(status.st_size)) { memory throws(KeyFileError) in
            var count = 0
            while count < memory.count {
                let step = unsafe Glibc.read(file, memory.baseAddress?.advanced(by: count), memory.count - count)
                if step < 0 && errno == EINTR { continue }
                guard step >= 0 else { throw failure("read the file", path) }
                guard step > 0 else { break }
                count += step
            }
            return count
        }
    }

    /// Writes the file so that it appears whole or not at all, and never in the place of another.
    ///
    /// - Parameter model: a file whose readers may read this one too; nil for the owner of the folder only.
    static func create(
        _ path: String, like model: String?, in directory: borrowing KeyDirectoryLock,
        _ content: borrowing SecretBytes
    ) throws(KeyFileError) {
        let temporary = try writeTemporary(for: path, mode: 0o600, like: model, content)
        defer { unsafe unlink(temporary) }
        // Unlike rename, link refuses a name that is taken.
        guard unsafe link(temporary, path) == 0 else { throw failure("name the file", path) }
        try directory.flush(path)
    }

    /// Writes the file so that there is the old one or the new one at any moment, whole.
    static func replace(
        _ path: String, mode: mode_t, in directory: borrowing KeyDirectoryLock, _ content: borrowing SecretBytes
    ) throws(KeyFileError) {
        let temporary = try writeTemporary(for: path, mode: mode, content)
        guard unsafe rename(temporary, path) == 0 else {
            let failure = failure("name the file", path)
            unsafe unlink(temporary)
            throw failure
        }
        try directory.flush(path)
    }

    /// A file on the disk that is to be named or removed; there is none if this throws.
    private static func writeTemporary(
        for path: String, mode: mode_t, like model: String? = nil, _ content: borrowing SecretBytes
    ) throws(KeyFileError) -> String {
        let temporary = "\(path).tmp"
        unsafe unlink(temporary)
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw failure("create the file", temporary) }
        defer { close(file) }
        do throws(KeyFileError) {
            try share(file, temporary, mode: mode, like: model)
            try write(content, to: file, path: temporary)
            guard fsync(file) == 0 else { throw failure("write the file to disk", temporary) }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        return temporary
    }

    /// Sets mode, group and owner, whatever the umask is: the model's group and the group's right to read, and for a
    /// superuser the model's owner, or that of the folder. So keys that root makes can be read by the service.
    private static func share(
        _ file: Int32, _ path: String, mode: mode_t, like model: String?
    ) throws(KeyFileError) {
        var mode = mode
        var status = stat()
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        if unsafe stat(model ?? folder, &status) == 0 {
            let isShared = model != nil && status.st_mode & 0o040 != 0
            if isShared { mode |= 0o040 }
            if geteuid() == 0 || isShared {
                let owner = geteuid() == 0 ? status.st_uid : uid_t.max
                guard fchown(file, owner, status.st_gid) == 0 else {
                    throw failure("give the file its owner and group", path)
                }
            }
        }
        guard fchmod(file, mode) == 0 else { throw failure("set the mode of the file", path) }
    }

    private static func write(
        _ content: borrowing SecretBytes, to file: Int32, path: String
    ) throws(KeyFileError) {
        var rest = unsafe content.bytes[...]
        while unsafe !rest.isEmpty {
            let step = unsafe Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if step < 0 && errno == EINTR { continue }
            guard step > 0 else { throw failure("write the file", path) }
            unsafe rest = rest.dropFirst(step)
        }
    }

    /// Reads `errno`, so it comes first after the call that failed.
    static func failure(_ operation: String, _ path: String) -> KeyFileError {
        let cause = unsafe String(cString: strerror(errno))
        return KeyFileError(path: path, problem: .unreadable(operation: operation, cause: cause))
    }
}

// MARK: - Telling files apart

extension KeyFile {
    /// What changes whenever a file is written or another takes its name.
    package struct Stamp: Sendable, Equatable {
        let device: dev_t
        let inode: ino_t
        let size: Int
        let mode: mode_t
        /// Since 1970, as far as the file system says.
        let modified: Duration
        let changed: Duration
    }

    /// Follows symbolic links, as mounted secrets are made of; nil if there is nothing.
    static func stamp(_ path: String) -> Stamp? {
        ReadingNote.begin(path)
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: status.st_dev, inode: status.st_ino, size: status.st_size, mode: status.st_mode,
            modified: status.st_mtim.duration, changed: status.st_ctim.duration)
    }
}

extension timespec {
    fileprivate var duration: Duration { .seconds(tv_sec) + .nanoseconds(tv_nsec) }
}
