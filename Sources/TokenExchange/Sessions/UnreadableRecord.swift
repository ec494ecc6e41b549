import Synchronization

/// Why a sealed record cannot be read. It counts as absent.
package enum UnreadableRecord: String, Error, Sendable, CaseIterable {
    /// Written by an earlier version of the service.
    case olderVersion = "older_version"
    /// Written by a later version of the service, which runs or ran alongside this one.
    case newerVersion = "newer_version"
    /// Cut short, changed, or sealed under another key.
    case corrupt
}

/// Counts records that could not be read, and reports the first of each kind.
package final class UnreadableRecords: Sendable {
    private let counts = Mutex<[UnreadableRecord: Int]>([:])
    private let tellFirst: @Sendable (UnreadableRecord) -> Void

    /// - Parameter tellFirst: called once for each kind.
    package init(tellFirst: @escaping @Sendable (UnreadableRecord) -> Void) {
        self.tellFirst = tellFirst
    }

    /// Since the process began.
    package func count(of kind: UnreadableRecord) -> Int { counts.withLock { $0[kind, default: 0] } }

    /// Counts one.
    func add(_ kind: UnreadableRecord) {
        let count = counts.withLock { counts in
            counts[kind, default: 0] += 1
            return counts[kind]
        }
        if count == 1 { tellFirst(kind) }
    }
}
