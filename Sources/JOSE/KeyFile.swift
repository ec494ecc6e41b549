import Glibc

/// A file that holds one private key.
enum KeyFile {
    /// The largest RSA key allowed here has 6.5 KB of PEM.
    static let byteLimit = 64 * 1024

    /// - Throws: also where anybody but owner and group may touch the file, before a byte of it is read.
    static func read(_ path: String) throws(KeyFileError) -> SecretBytes {
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw failure("open the file", path) }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw failure("look at the file", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw KeyFileError(path: path, problem: .noRegularFile) }
        guard status.st_mode & 0o007 == 0 else {
            throw KeyFileError(path: path, problem: .worldAccessible(mode: status.st_mode & 0o7777))
        }
        guard status.st_size <= byteLimit else { throw KeyFileError(path: path, problem: .tooLarge(limit: byteLimit)) }
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

    /// Writes the file with mode 0600 so that it appears whole or not at all, and never in the place of another.
    static func create(_ path: String, in directory: borrowing KeyDirectoryLock, _ content: borrowing SecretBytes)
        throws(KeyFileError)
    {
        let temporary = "\(path).tmp"
        unsafe unlink(temporary)
        let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("create the file", temporary) }
        defer {
            close(file)
            unsafe unlink(temporary)
        }
        try write(content, to: file, path: temporary)
        guard fsync(file) == 0 else { throw failure("write the file to disk", temporary) }
        // Unlike rename, link refuses a name that is taken.
        guard unsafe link(temporary, path) == 0 else { throw failure("name the file", path) }
        guard fsync(directory.descriptor) == 0 else { throw failure("write the directory to disk", path) }
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

/// An open directory, locked against other writers of this program; both end with the object.
struct KeyDirectoryLock: ~Copyable {
    let descriptor: Int32

    init(_ path: String) throws(KeyFileError) {
        descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw KeyFile.failure("open the directory", path) }
        guard flock(descriptor, LOCK_EX) == 0 else {
            let failure = KeyFile.failure("lock the directory", path)
            close(descriptor)
            throw failure
        }
    }

    deinit { close(descriptor) }
}
