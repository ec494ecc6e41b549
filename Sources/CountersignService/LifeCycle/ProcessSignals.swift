import Glibc

/// The signals that the service acts on. A handler puts them into a pipe, where they wait until they are read. So no
/// signal is lost or kills the process, however early it comes.
///
/// Blocked signals and `sigwait` would not do: the main thread of a Swift program with an asynchronous `main` waits
/// with all signals unblocked.
package enum ProcessSignals {
    /// Each byte is the number of a signal.
    private static let pipe: (reader: CInt, writer: CInt) = {
        var ends: [CInt] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { fatalError("no pipe for signals") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A handler must not wait.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }()

    /// Catches signals from now on; must be the first call in `main`.
    package static func hold() {
        openStandardStreams()
        _ = pipe
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let earlier = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(ProcessSignals.pipe.writer, &byte, 1)
                errno = earlier
            }
            action.sa_flags = SA_RESTART
            sigaction(signal, &action, nil)
        }
        // If a log reader or a client goes away, `write` returns an error instead.
        signal(SIGPIPE, SIG_IGN)
        // Beyond a limit of file sizes, too.
        signal(SIGXFSZ, SIG_IGN)
    }

    /// If a standard stream is closed, the next file or socket would get its number, and receive our log lines.
    private static func openStandardStreams() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Waits for a signal. Blocks its thread.
    /// - Parameter limit: nil for no limit.
    /// - Returns: nil if none came.
    static func next(within limit: Duration?) -> CInt? {
        var event = pollfd(fd: pipe.reader, events: Int16(POLLIN), revents: 0)
        let milliseconds = limit.map { CInt(clamping: Int64(max($0, .zero) / .milliseconds(1)) + 1) }
        guard poll(&event, 1, milliseconds ?? -1) > 0 else { return nil }
        var byte: UInt8 = 0
        return read(pipe.reader, &byte, 1) == 1 ? CInt(byte) : nil
    }
}
