import CountersignService
import Foundation
import Synchronization
import TestSupport
import Testing

/// Log lines whose reader stalls, is gone, or shares the pipe with others.
@Suite(.timeLimit(.minutes(1))) struct LogQueueTests {
    private static let limit = 65_536

    /// A pipe whose reading end is the test's.
    private struct Pipe {
        let reader: CInt
        let writer: CInt

        init() throws {
            // As the service does: a reader that has gone is no reason to end.
            signal(SIGPIPE, SIG_IGN)
            var ends: [CInt] = [0, 0]
            try #require(Glibc.pipe(&ends) == 0)
            (reader, writer) = (ends[0], ends[1])
        }

        /// All lines until one holds `end`.
        func lines(until end: String) -> [String] {
            var text: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65_536)
            while !String(decoding: text, as: UTF8.self).contains(end + "\n") {
                let count = read(reader, &piece, piece.count)
                if count <= 0 { break }
                text += piece[..<count]
            }
            return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    private func line(_ text: String, length: Int = 100) -> [UInt8] {
        Array((text + String(repeating: "x", count: max(0, length - 1 - text.utf8.count)) + "\n").utf8)
    }

    /// Appends numbered lines until one is dropped.
    /// - Returns: how many were not.
    private func fill(_ queue: LogQueue) -> Int {
        var count = 0
        while queue.droppedCount == 0 {
            queue.append(line("\(count) "), isImportant: false)
            count += 1
        }
        return count - 1
    }

    @Test func takesLinesUpToItsLimit() {
        let queue = LogQueue(output: -1, limit: 800)
        for _ in 0..<7 { queue.append(line(""), isImportant: false) }
        #expect(queue.droppedCount == 0)
        queue.append(line(""), isImportant: false)
        #expect(queue.droppedCount == 1)
        queue.append(line("", length: 99), isImportant: true)
        #expect(queue.droppedCount == 1, "an eighth is kept for what is important")
        queue.append(line("", length: 2), isImportant: true)
        #expect(queue.droppedCount == 2)
        queue.append(line("", length: 1), isImportant: true)
        #expect(queue.droppedCount == 2)
    }

    private final class CountingOutput: LineOutput {
        let calls = Mutex(0)

        func write(_ lines: [UInt8]) -> WrittenLines {
            calls.withLock { $0 += 1 }
            return WrittenLines()
        }
    }

    @Test func writesALineTogetherWithThoseThatFollowSoon() {
        let (output, gathering) = (CountingOutput(), Duration.milliseconds(20))
        let queue = LogQueue(output: output, limit: Self.limit, thread: "log", gathering: gathering)
        let start = ContinuousClock.now
        queue.start { _ in }
        while output.calls.withLock(\.self) < 5 { queue.append(line(""), isImportant: false) }
        #expect(ContinuousClock.now - start >= gathering * 4, "also while lines never cease to come")
    }

    @Test func losesLinesAndNoTimeWhereTheReaderStalls() throws {
        let pipe = try Pipe()
        let queue = LogQueue(output: pipe.writer, limit: Self.limit)
        let reports = Mutex<[Int]>([])
        queue.start { count in
            reports.withLock { $0.append(count) }
            queue.append(Array("report\n".utf8), isImportant: true)
        }
        let written = fill(queue)
        queue.append(line("urgent "), isImportant: true)
        #expect(queue.droppedCount == 1)
        let lines = pipe.lines(until: "report")
        #expect(reports.withLock(\.self) == [1])
        #expect(lines.dropLast(2).enumerated().allSatisfy { $1.hasPrefix("\($0) ") && $1.utf8.count == 99 })
        #expect(lines.count == written + 2 && lines[written].hasPrefix("urgent "))
    }

    @Test func countsLinesWhoseReaderIsGone() async throws {
        let pipe = try Pipe()
        close(pipe.reader)
        let queue = LogQueue(output: pipe.writer, limit: Self.limit)
        queue.start { _ in Issue.record("nothing was written") }
        for _ in 0..<3 { queue.append(line(""), isImportant: false) }
        try await eventually("they are counted") { queue.droppedCount == 3 }
    }

    @Test func countsLinesThatADiskHasNoRoomFor() async throws {
        let queue = LogQueue(output: open("/dev/full", O_WRONLY), limit: Self.limit)
        queue.start { _ in Issue.record("nothing was written") }
        for _ in 0..<100 { queue.append(line(""), isImportant: false) }
        try await eventually("they are counted") { queue.droppedCount == 100 }
    }

    /// Whoever shares the pipe may have made it non-blocking.
    @Test func waitsForAReaderOfANonBlockingPipe() throws {
        let pipe = try Pipe()
        try #require(fcntl(pipe.writer, F_SETFL, O_NONBLOCK) == 0)
        let queue = LogQueue(output: pipe.writer, limit: 1 << 20)
        queue.start { _ in Issue.record("nothing was lost") }
        for number in 0..<5000 { queue.append(line("\(number) "), isImportant: false) }
        queue.append(Array("end\n".utf8), isImportant: false)
        let lines = pipe.lines(until: "end")
        #expect(lines.count == 5001 && queue.droppedCount == 0)
    }

    /// Two processes may write to one pipe; here two queues do.
    @Test func neverTearsALine() throws {
        let pipe = try Pipe()
        let queues = (0..<2).map { _ in LogQueue(output: pipe.writer, limit: 1 << 20) }
        for queue in queues { queue.start { _ in } }
        for number in 0..<4000 {
            for queue in queues { queue.append(line("\(number) ", length: 97 + number % 7), isImportant: false) }
        }
        Thread.detachNewThread {
            for queue in queues { queue.flush(within: .seconds(30)) }
            queues[0].append(Array("end\n".utf8), isImportant: false)
        }
        let lines = pipe.lines(until: "end").dropLast()
        #expect(lines.count == 8000)
        #expect(lines.allSatisfy { $0.wholeMatch(of: /\d+ x*/) != nil && 96...102 ~= $0.utf8.count })
    }

    @Test func flushesWhatIsAppended() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/log"
        let queue = LogQueue(output: open(path, O_WRONLY | O_CREAT, 0o600), limit: Self.limit)
        queue.start { _ in }
        for _ in 0..<50 { queue.append(line(""), isImportant: false) }
        queue.flush(within: .seconds(30))
        #expect(try Data(contentsOf: URL(filePath: path)).count == 5000)
    }

    /// Takes no lines the first time.
    private struct Reluctant: LineOutput {
        let taken: Taken
        var calls = 0

        final class Taken: Sendable {
            let text = Mutex("")
        }

        mutating func write(_ lines: [UInt8]) -> WrittenLines {
            calls += 1
            if calls == 1 {
                var result = WrittenLines(kept: lines[...])
                result.isUnfinished = true
                return result
            }
            taken.text.withLock { $0 += String(decoding: lines, as: UTF8.self) }
            return WrittenLines()
        }
    }

    @Test func triesLinesAgainThatItsOutputHasKept() async throws {
        let taken = Reluctant.Taken()
        let queue = LogQueue(output: Reluctant(taken: taken), limit: 800, thread: "test")
        #expect(queue.append(Array("one\n".utf8), isImportant: false) == 1)
        queue.start { _ in }
        #expect(queue.append(Array("two\n".utf8), isImportant: false) == 2)
        try await eventually("they are written") { taken.text.withLock { $0 == "one\ntwo\n" } }
        #expect(queue.droppedCount == 0)
    }

    @Test func flushesNoLongerThanItMay() throws {
        let pipe = try Pipe()
        let queue = LogQueue(output: pipe.writer, limit: Self.limit)
        queue.start { _ in }
        _ = fill(queue)
        queue.flush(within: .milliseconds(50))
        #expect(queue.droppedCount == 1)
        close(pipe.reader)
    }
}
