import Glibc

/// How many files and sockets the process may have open at once (`RLIMIT_NOFILE`).
package enum OpenFileLimit {
    /// Raises the limit as far as the process may, because most systems start processes with 1024.
    /// - Returns: the limit that now holds.
    @discardableResult
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return usual }
        let lower = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = lower }
        return Int(clamping: limit.rlim_cur)
    }

    /// The limit that holds now; nil if it cannot be read.
    static var current: Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    /// If the limit cannot be read.
    private static let usual = 1024
}
