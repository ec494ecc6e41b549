import Glibc
import Logging
import Synchronization
import TokenExchange

/// How the writing of the audit stream goes, as all threads see it.
final class AuditHealth: Sendable {
    struct State: Sendable {
        /// Lines of the queue since the start.
        var written = 0
        /// Why lines cannot be written now; nil if they can.
        var problem: String?
        /// When the write that runs now was begun, by the monotonic clock.
        var writingSince: Duration?
    }

    let state = AwaitableState(State())
    /// Set by whoever wants the file to be opened again.
    let isReopeningDue = Atomic(false)
}

/// Writes the audit stream: opens its file, opens it again when asked to, and keeps what cannot be written.
struct AuditOutput: LineOutput {
    /// Nil for standard output.
    private let path: String?
    private let health: AuditHealth
    private let time: TimeSource
    private let logger: Logger
    /// Nil as long as the file cannot be opened.
    private var writer: AuditWriter?
    /// The event that the file's first line has to tell of; nil if it has one.
    private var opening: AuditEvent?
    /// Where the chain stood in the file before.
    private var chain: AuditChain?
    /// When the log was last told that lines cannot be written.
    private var toldAt: Duration?

    /// How often the log is told.
    private static let repetition: Duration = .seconds(30)

    /// For standard output.
    init(health: AuditHealth, time: TimeSource, logger: Logger) {
        path = nil
        self.health = health
        self.time = time
        self.logger = logger
        writer = AuditWriter(stream: STDOUT_FILENO)
        opening = .begins
    }

    /// For a file, which it opens. May block.
    /// - Throws: unless it may pass.
    init(file path: String, health: AuditHealth, time: TimeSource, logger: Logger) throws(AuditFileError) {
        self.path = path
        self.health = health
        self.time = time
        self.logger = logger
        do throws(AuditFileError) {
            try open(path)
            // At once, so that no file is ever empty.
            try writeOpening()
        } catch {
            guard error.mayPass else { throw error }
        }
    }

    mutating func write(_ lines: [UInt8]) -> WrittenLines {
        health.state.change { $0.writingSince = time.elapsed() }
        var result = WrittenLines(kept: lines[...])
        var problem: AuditFileError?
        do throws(AuditFileError) {
            try reopenIfDue()
            try writeOpening()
            repeat { try writePiece(&result) } while !result.kept.isEmpty
        } catch { problem = error }
        tell(problem)
        health.state.change { state in
            state.written += result.written
            state.problem = problem?.description
            state.writingSince = nil
        }
        result.isUnfinished = problem != nil
        return result
    }

    private mutating func writePiece(_ result: inout WrittenLines) throws(AuditFileError) {
        guard !result.kept.isEmpty else { return }
        let outcome = writer?.write(result.kept, at: time.now()) ?? AuditWriter.Outcome(errno: EBADF)
        result.kept = result.kept.dropFirst(outcome.bytes)
        result.written += outcome.lines
        if outcome.errno != 0 { throw problem(outcome.errno) }
    }

    private mutating func writeOpening() throws(AuditFileError) {
        guard let opening else { return }
        let entry = AuditEntry(opening, at: time.now()).line
        let outcome = writer?.write(entry[...], at: time.now()) ?? AuditWriter.Outcome(errno: EBADF)
        if outcome.lines == 1 { self.opening = nil }
        if outcome.errno != 0 { throw problem(outcome.errno) }
    }

    private func problem(_ code: CInt) -> AuditFileError { AuditFileError(path ?? "standard output", errno: code) }

    // MARK: The file

    private mutating func open(_ path: String) throws(AuditFileError) {
        let file = try AuditFile.open(path)
        if let writer { AuditFile.close(writer.descriptor) }
        writer = AuditWriter(file: file.descriptor, file.tail, after: chain)
        opening = !file.tail.isEmpty ? nil : chain == nil ? .begins : .continues
    }

    /// Opens the file again if somebody has asked for that, or if it is gone. If only the former fails, lines still go to
    /// the file that is open, which has another name by now.
    private mutating func reopenIfDue() throws(AuditFileError) {
        guard let path else { return }
        var open = stat()
        let isGone = writer.map { fstat($0.descriptor, &open) != 0 || open.st_nlink == 0 } ?? true
        let isDue = health.isReopeningDue.exchange(false, ordering: .relaxed)
        guard isGone || isDue else { return }
        var named = stat()
        if !isGone, stat(path, &named) == 0, named.st_dev == open.st_dev, named.st_ino == open.st_ino { return }
        chain = writer?.chain ?? chain
        do throws(AuditFileError) { try self.open(path) } catch {
            if isGone { throw writer == nil ? error : AuditFileError(path, .gone) }
            health.isReopeningDue.store(true, ordering: .relaxed)
            say(error, "the audit file cannot be opened again, lines go on into the one that is open")
        }
    }

    // MARK: The log

    private mutating func tell(_ problem: AuditFileError?) {
        if let problem { return say(problem, "the audit stream cannot be written") }
        guard toldAt != nil, !health.isReopeningDue.load(ordering: .relaxed) else { return }
        toldAt = nil
        logger.notice("the audit stream is written again")
    }

    private mutating func say(_ problem: AuditFileError, _ message: Logger.Message) {
        let now = time.elapsed()
        guard toldAt.map({ now - $0 >= Self.repetition }) ?? true else { return }
        toldAt = now
        logger.error(message, metadata: ["problem": .string(problem.description)])
    }
}
