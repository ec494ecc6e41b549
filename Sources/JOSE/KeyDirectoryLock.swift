import Glibc

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

    /// - Parameter path: of the file that was changed.
    func flush(_ path: String) throws(KeyFileError) {
        guard fsync(descriptor) == 0 else { throw KeyFile.failure("write the directory to disk", path) }
    }

    deinit { close(descriptor) }
}
