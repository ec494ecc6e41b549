import Glibc

/// An open directory, locked against other writers of this program; both end with the object.
///
/// The lock is on the file `.lock`: NFS locks a file for all hosts if it is open for writing, a directory for one only.
struct KeyDirectoryLock: ~Copyable {
    private let directory: Int32
    private let file: Int32

    /// - Parameter patience: how long to wait for another writer.
    init(_ path: String, patience: Duration) throws(KeyFileError) {
        let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw KeyFile.failure("open the directory", path) }
        let file: Int32
        do throws(KeyFileError) { file = try Self.lockedFile(in: directory, path, patience) } catch {
            close(directory)
            throw error
        }
        self.directory = directory
        self.file = file
    }

    /// Between two attempts. Patience is counted in pauses, so that no clock is needed.
    private static let pause: Duration = .milliseconds(50)

    private static func lockedFile(in directory: Int32, _ path: String, _ patience: Duration) throws(KeyFileError)
        -> Int32
    {
        let file = unsafe openat(directory, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw KeyFile.failure("open the lock", "\(path)/.lock") }
        shareWithWriters(file, of: directory)
        var pauses = Int(patience / pause)
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                let failure = KeyFile.failure("lock the directory", path)
                close(file)
                throw failure
            }
            guard pauses > 0 else {
                close(file)
                throw KeyFileError(path: path, problem: .locked(patience: patience))
            }
            pauses -= 1
            usleep(UInt32(pause.components.attoseconds / 1_000_000_000_000))
        }
        return file
    }

    /// Lets everybody lock the directory who may write in it. Only the file's owner can set that; for others it is set. A
    /// superuser leaves the file to the directory's owner.
    private static func shareWithWriters(_ file: Int32, of directory: Int32) {
        var status = stat()
        guard unsafe fstat(directory, &status) == 0 else { return }
        if geteuid() == 0 { _ = fchown(file, status.st_uid, status.st_gid) }
        guard status.st_mode & 0o020 != 0 else { return }
        _ = fchown(file, uid_t.max, status.st_gid)
        _ = fchmod(file, 0o660)
    }

    /// - Parameter path: of the file that was changed.
    func flush(_ path: String) throws(KeyFileError) {
        guard fsync(directory) == 0 else { throw KeyFile.failure("write the directory to disk", path) }
    }

    deinit {
        close(file)
        close(directory)
    }
}
