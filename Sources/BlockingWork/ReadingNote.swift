import Synchronization

/// Which file a thread reads at this moment, so that one that hangs can be named.
package final class ReadingNote: Sendable {
    /// The note of the reading that runs on this thread; nil outside of readings.
    @TaskLocal static var current: ReadingNote?

    private let state = Mutex<(path: String?, step: Int)>((nil, 0))

    /// To be called before anything is asked of a file or folder that may hang. Costs nothing if nobody listens.
    package static func begin(_ path: String) {
        current?.state.withLock { $0 = (path, $0.step + 1) }
    }

    /// The latest file.
    var path: String? { state.withLock(\.path) }

    /// Grows with every file.
    var step: Int { state.withLock(\.step) }
}
