import BlockingWork
import Dispatch
import Glibc
import Synchronization

/// Where a ``LogQueue`` writes lines, with calls that may block. Used by one thread.
package protocol LineOutput: Sendable {
    /// - Parameter lines: whole ones; none if somebody has called ``LogQueue/wakeUp()``.
    mutating func write(_ lines: [UInt8]) -> WrittenLines
}

/// What has become of lines.
package struct WrittenLines {
    package var written = 0
    package var lost = 0
    /// The last of them, to be tried again in a moment.
    package var kept: ArraySlice<UInt8> = []
    /// Whether the output wants to be called again in a moment, even if nothing is kept.
    package var isUnfinished = false

    package init(kept: ArraySlice<UInt8> = []) {
        self.kept = kept
    }
}

/// Lines that wait to be written, as bytes: appended under one short lock, written by a thread of their own. The log has
/// one, the audit stream another.
///
/// A reader that stalls (a pipe that nobody reads, a paused terminal, a full disk) costs lines, which are counted, and
/// never delays a request. Once lines can be written again, one of them says how many are missing.
package final class LogQueue: Sendable {
    private struct State {
        /// Whole lines.
        var lines: [UInt8] = []
        var isWriterAsleep = false
        /// Bytes that are being written.
        var writing = 0
        /// Lines since the start.
        var taken = 0
        var dropped = 0
        var unreported = 0

        mutating func drop(_ count: Int) {
            dropped += count
            unreported += count
        }
    }

    /// Lines within this time are written together, because waking a thread or a write costs more than a line.
    package static let gathering: Duration = .milliseconds(2)
    /// Before lines that could not be written are tried again.
    private static let pause: UInt32 = 250_000  // µs

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let output: any LineOutput
    private let limit: Int
    private let reserve: Int
    private let thread: String
    private let gathering: UInt32  // µs

    /// The queue of the log.
    /// - Parameters:
    ///   - output: a file descriptor.
    ///   - limit: how many bytes may wait, besides those that are being written.
    package convenience init(output: CInt = STDERR_FILENO, limit: Int) {
        self.init(output: LogOutput(descriptor: output), limit: limit, thread: "log")
    }

    /// - Parameters:
    ///   - limit: how many bytes may wait, besides those that are being written.
    ///   - thread: the name of the writer's thread.
    ///   - gathering: how long a line waits for others that are written with it.
    package init(
        output: any LineOutput, limit: Int, thread: String, gathering: Duration = LogQueue.gathering
    ) {
        self.output = output
        self.limit = limit
        self.thread = thread
        self.gathering = UInt32(gathering / .microseconds(1))
        reserve = limit / 8
    }

    /// How many lines have been dropped since the start.
    package var droppedCount: Int { state.withLock(\.dropped) }

    /// How many bytes of lines are not written yet.
    package var waitingBytes: Int { state.withLock { $0.lines.count + $0.writing } }

    /// Queues a line, or drops it if there is no room. Never blocks for long.
    /// - Parameters:
    ///   - line: with its line feed.
    ///   - isImportant: an eighth of the room is reserved for such lines.
    /// - Returns: how many lines have been queued since the start, with this one; nil if it was dropped.
    @discardableResult
    package func append(_ line: [UInt8], isImportant: Bool) -> Int? {
        append(isImportant: isImportant) { $0 += line }
    }

    /// The same for a line that `write` appends to those that wait, so that no memory is asked for. Must be quick, and
    /// must not log: a lock is held meanwhile.
    @discardableResult
    func append(isImportant: Bool, _ write: (inout [UInt8]) -> Void) -> Int? {
        let (number, wasAsleep) = state.withLock { state -> (Int?, Bool) in
            let count = state.lines.count
            write(&state.lines)
            guard state.lines.count <= (isImportant ? limit : limit - reserve) else {
                state.lines.removeLast(state.lines.count - count)
                state.drop(1)
                return (nil, false)
            }
            state.taken += 1
            defer { state.isWriterAsleep = false }
            return (state.taken, state.isWriterAsleep)
        }
        if wasAsleep { wake.signal() }
        return number
    }

    /// Has the output look after itself, although there may be no lines.
    package func wakeUp() { wake.signal() }

    /// Starts to write, until the process ends.
    /// - Parameter report: logs how many lines were dropped; called on the writer's thread.
    package func start(report: @escaping @Sendable (Int) -> Void) {
        guard startThread(thread, { [self] in run(report) }) else { fatalError("no thread for the \(thread)") }
    }

    /// Returns when everything is written, or after `limit`. Blocks its thread.
    package func flush(within limit: Duration) {
        for _ in 0..<Int(limit / .milliseconds(1)) {
            guard waitingBytes > 0 else { return }
            usleep(1000)
        }
    }
}

// MARK: - The writer's thread

extension LogQueue {
    private func run(_ report: (Int) -> Void) {
        var output = output
        var lines: [UInt8] = []
        var result = WrittenLines()
        while true {
            if !take(&lines), !result.isUnfinished {
                wake.wait()
                gather()
                _ = take(&lines)
            }
            result = output.write(lines)
            let unreported = count(result)
            lines.removeAll(keepingCapacity: true)
            if unreported > 0 { report(unreported) }
            // Under load there are lines afterwards, and no request has to wake this thread.
            if result.isUnfinished { usleep(Self.pause) } else { gather() }
        }
    }

    private func gather() {
        if gathering > 0 { usleep(gathering) }
    }

    /// - Returns: false if there is nothing to write.
    private func take(_ lines: inout [UInt8]) -> Bool {
        state.withLock { state in
            state.writing = state.lines.count
            state.isWriterAsleep = state.lines.isEmpty
            swap(&state.lines, &lines)
            return state.writing > 0
        }
    }

    /// - Returns: how many dropped lines have not been reported yet; 0 as long as none can be written.
    private func count(_ result: WrittenLines) -> Int {
        state.withLock { state in
            state.writing = 0
            state.lines.insert(contentsOf: result.kept, at: 0)
            if result.lost > 0 { state.drop(result.lost) }
            guard result.written > 0 else { return 0 }
            defer { state.unreported = 0 }
            return state.unreported
        }
    }
}

/// The file that lines are written to, with blocking calls.
private struct LogOutput: LineOutput {
    /// A pipe takes this many bytes at once or none (POSIX: at least 512; Linux: 4096). So lines of several processes
    /// do not mix, and no line is cut when the process ends.
    private static let piece = Int(PIPE_BUF)
    private static let lineFeed = UInt8(ascii: "\n")

    let descriptor: CInt
    /// Whether only part of the last line could be written.
    private var isLineTorn = false

    init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// - Parameter lines: whole ones.
    mutating func write(_ lines: [UInt8]) -> WrittenLines {
        var result = WrittenLines()
        var rest = lines[...]
        while !rest.isEmpty {
            let piece = Self.wholeLines(of: rest)
            if writePiece(piece) { result.written += 1 } else { result.lost += piece.count { $0 == Self.lineFeed } }
            rest = rest[piece.endIndex...]
        }
        return result
    }

    /// As many lines as fit into one piece, but at least one.
    private static func wholeLines(of lines: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        if let end = lines.prefix(piece).lastIndex(of: lineFeed) { return lines[...end] }
        return lines.firstIndex(of: lineFeed).map { lines[...$0] } ?? lines
    }

    private mutating func writePiece(_ piece: ArraySlice<UInt8>) -> Bool {
        if isLineTorn {
            guard writeAll([Self.lineFeed]) else { return false }
            isLineTorn = false
        }
        return writeAll(piece)
    }

    private mutating func writeAll(_ bytes: ArraySlice<UInt8>) -> Bool {
        let (written, errno) = writeWhole(bytes, to: descriptor)
        if errno != 0, written > 0 { isLineTorn = true }
        return errno == 0
    }
}

/// Writes all bytes, in as many calls as that takes; blocks its thread.
/// - Returns: how many were written, and why no more were; 0 if all were.
func writeWhole(_ bytes: ArraySlice<UInt8>, to descriptor: CInt) -> (written: Int, errno: CInt) {
    var rest = bytes
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
            rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
            // Another process that shares the pipe has made it non-blocking.
            var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&event, 1, -1)
        } else if errno != EINTR {
            return (bytes.count - rest.count, errno)
        }
    }
    return (bytes.count, 0)
}
