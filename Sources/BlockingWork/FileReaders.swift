import Synchronization

/// Runs code that reads files on a few threads of its own, with a time limit for each file.
///
/// No call to the operating system can be taken back: a thread whose file hangs (a dead mount, a pipe that nobody writes
/// to) stays until the file comes back, and what it then finds is dropped. While all threads hang, later readings wait,
/// and fail like those.
package final class FileReaders: Sendable {
    private struct Reading: Sendable {
        let note = ReadingNote()
        let run: @Sendable (ReadingNote) -> Void
    }

    private struct State {
        var waiting: [Reading] = []
        var running: [ReadingNote] = []
    }

    /// In the time of one file: a hang is noticed that much later at most.
    private static let looks = 5

    private let limit: Duration
    private let threads: Int
    private let sleep: @Sendable (Duration) async throws -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: for one file; a reading of many may take longer in all.
    ///   - threads: at the same time, those that hang included.
    package init(
        limit: Duration = .seconds(5), threads: Int = 2,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.limit = limit
        self.threads = threads
        self.sleep = sleep
    }

    /// - Parameter body: says which file comes next by ``ReadingNote/begin(_:)``.
    /// - Throws: what `body` throws; ``FileHangs``; `CancellationError`.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let (results, end) = AsyncStream.makeStream(of: Result<Value, any Error>.self)
        let reading = Reading { note in
            end.yield(Result { try ReadingNote.$current.withValue(note, operation: body) })
            end.finish()
        }
        let watch = Task {
            if let hang = await hang(of: reading.note) { end.yield(.failure(hang)) }
            end.finish()
        }
        defer {
            watch.cancel()
            state.withLock { $0.waiting.removeAll { $0.note === reading.note } }
        }
        begin(reading)
        for await result in results { return try result.get() }
        throw CancellationError()
    }

    private func begin(_ reading: Reading) {
        let isThreadFree = state.withLock { state in
            state.waiting.append(reading)
            return state.running.count < threads
        }
        // If there is no thread left, the reading waits for those that run.
        if isThreadFree { _ = startThread("files") { [self] in while let next = next() { end(next) } } }
    }

    private func next() -> Reading? {
        state.withLock { state in
            guard !state.waiting.isEmpty, state.running.count < threads else { return nil }
            let reading = state.waiting.removeFirst()
            state.running.append(reading.note)
            return reading
        }
    }

    private func end(_ reading: Reading) {
        reading.run(reading.note)
        state.withLock { $0.running.removeAll { $0 === reading.note } }
    }

    /// Returns when nothing more has come of a reading for ``limit``; nil if it is cancelled before.
    private func hang(of note: ReadingNote) async -> FileHangs? {
        var (step, looks) = (note.step, 0)
        while looks < Self.looks {
            do { try await sleep(limit / Self.looks) } catch { return nil }
            if note.step == step { looks += 1 } else { (step, looks) = (note.step, 0) }
        }
        // One that waits does so for those that hang.
        return FileHangs(path: note.path ?? state.withLock { $0.running.first?.path }, limit: limit)
    }
}

/// A file cannot be read in time.
package struct FileHangs: Error, Equatable, CustomStringConvertible {
    /// Nil if it is not known which.
    package let path: String?
    package let limit: Duration

    /// `limit` is the time in which nothing came of the file.
    package init(path: String?, limit: Duration) {
        self.path = path
        self.limit = limit
    }

    package var description: String { "\(path ?? "a file"): \(expectation)" }

    /// What to say after the name of the file: what was expected, found, and is to be done.
    package var expectation: String {
        "expected a file that can be read within \(limit.components.seconds) s, found one that hangs; look at its mount, "
            + "or at the program that should write it"
    }
}
