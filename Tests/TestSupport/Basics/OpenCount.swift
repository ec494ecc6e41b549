import Glibc

/// Counts how often a file is opened for reading, by what the kernel tells.
package final class OpenCount {
    private let descriptor: CInt

    package init(of path: String) throws {
        descriptor = inotify_init1(O_NONBLOCK)
        // With each closing, since the kernel tells equal events in a row only once.
        guard descriptor >= 0, inotify_add_watch(descriptor, path, UInt32(IN_OPEN | IN_CLOSE_NOWRITE)) >= 0 else {
            throw ProgramFailure(description: "cannot watch \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Since this was asked last.
    package func take() -> Int {
        var events = [inotify_event](repeating: inotify_event(), count: 1024)
        let bytes = read(descriptor, &events, events.count * MemoryLayout<inotify_event>.stride)
        let count = max(0, bytes) / MemoryLayout<inotify_event>.stride
        return events.prefix(count).count { $0.mask & UInt32(IN_OPEN) != 0 }
    }
}
