import BlockingWork
import Foundation
import Synchronization
import TestSupport
import Testing

/// Files that hang: here pipes that nobody writes to, which keep their readers as a dead mount does.
@Suite struct FileReadersTests {
    private let folder = TemporaryFolder()

    private func pipe() throws -> String {
        let path = "\(folder.path)/pipe"
        try #require(mkfifo(path, 0o600) == 0)
        return path
    }

    /// Lets the readers of a pipe go on; false if there are none.
    @discardableResult
    private func release(_ path: String) -> Bool {
        let writer = open(path, O_WRONLY | O_NONBLOCK)
        if writer >= 0 { close(writer) }
        return writer >= 0
    }

    private final class Count: Sendable {
        private let count = Atomic(0)

        var value: Int { count.load(ordering: .relaxed) }
        func increment() { count.wrappingAdd(1, ordering: .relaxed) }
    }

    private func read(_ path: String) throws -> [UInt8] { try FileContents.read(path, mayBePipe: true) }

    @Test func givesWhatWasRead() async throws {
        try folder.write("file", "content")
        let path = "\(folder.path)/file"
        #expect(try await FileReaders().run { try FileContents.read(path) } == Array("content".utf8))
    }

    @Test func givesWhatReadingThrows() async throws {
        let path = "\(folder.path)/absent"
        let failure = await #expect(throws: FileFailure.self) {
            try await FileReaders().run { try FileContents.read(path) }
        }
        #expect(failure?.description == "expected a readable file, found \(path): No such file or directory")
    }

    @Test func namesTheFileThatHangs() async throws {
        let path = try pipe()
        await #expect(throws: FileHangs(path: path, limit: .milliseconds(20))) {
            try await FileReaders(limit: .milliseconds(20)).run { try self.read(path) }
        }
        release(path)
    }

    @Test func readsAgainOnceTheFileIsBack() async throws {
        let path = try pipe()
        let readers = FileReaders(limit: .milliseconds(20), threads: 1)
        for _ in 0..<3 {
            await #expect(throws: FileHangs(path: path, limit: .milliseconds(20))) {
                try await readers.run { try self.read(path) }
            }
        }
        release(path)
        try await eventually("a reading ends in time") { (try? await readers.run { 1 }) == 1 }
    }

    @Test func hasNoMoreThreadsThanItMayHave() async throws {
        let path = try pipe()
        let begun = Count()
        let readers = FileReaders(limit: .milliseconds(20), threads: 2)
        let callers = (0..<10).map { _ in
            Task {
                try await readers.run {
                    begun.increment()
                    return try FileContents.read(path, mayBePipe: true)
                }
            }
        }
        for caller in callers { await #expect(throws: FileHangs.self) { try await caller.value } }
        #expect(begun.value == 2)
        release(path)
    }

    @Test func countsTheTimeOfEachFileByItself() async throws {
        let clock = ManualClock()
        let limit = Duration.seconds(5)
        let readers = FileReaders(limit: limit, sleep: clock.sleep)
        let files = DispatchSemaphore(value: 0)
        let begun = Count()
        async let result = readers.run {
            for file in ["one", "two", "three"] {
                ReadingNote.begin(file)
                begun.increment()
                files.wait()
            }
            return true
        }
        for count in 1...3 {
            try await eventually("file \(count) is read") { begun.value == count }
            for _ in 0..<4 {
                try await eventually("its time is taken") { clock.sleeperCount == 1 }
                clock.advance(by: limit / 5)
            }
            files.signal()
        }
        #expect(try await result)
    }

    @Test func letsACallerGoThatIsCancelled() async throws {
        let path = try pipe()
        let readers = FileReaders(limit: .seconds(3600))
        let caller = Task { try await readers.run { try self.read(path) } }
        try await eventually("it is read") { release(path) }
        caller.cancel()
        _ = await caller.result
    }
}

@Suite struct FileContentsTests {
    private let folder = TemporaryFolder()

    @Test func takesFilesUpToTheLimit() throws {
        try folder.write("file", "12345678")
        let path = "\(folder.path)/file"
        #expect(try FileContents.read(path, limit: 9).count == 8)
        #expect(try FileContents.read(path, limit: 8).count == 8)
        let failure = #expect(throws: FileFailure.self) { try FileContents.read(path, limit: 7) }
        #expect(failure?.description == "expected a file of at most 7 bytes, found a longer one: \(path)")
    }

    @Test func refusesWhatIsNoRegularFileWithoutWaiting() throws {
        let path = "\(folder.path)/pipe"
        try #require(mkfifo(path, 0o600) == 0)
        let pipe = #expect(throws: FileFailure.self) { try FileContents.read(path) }
        #expect(pipe?.description == "expected a regular file, found \(path), a pipe or a device")
        let folder = #expect(throws: FileFailure.self) { try FileContents.read(self.folder.path) }
        #expect(folder?.description == "expected a file, found the folder \(self.folder.path)")
    }
}
