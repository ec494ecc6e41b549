import BlockingWork
import Glibc
import Synchronization
import TestSupport
import Testing

/// Reads that hang, and those that must not mind.
@Suite struct BlockingReadsTests {
    /// A read that does not end before it is told to.
    private final class Hanging: Sendable {
        private let isOver = Atomic(false)
        private let count = CallCount()

        var reads: Int { count.count }

        func read() -> Int {
            let number = count.next()
            while !isOver.load(ordering: .relaxed) { usleep(1000) }
            return number
        }

        func end() { isOver.store(true, ordering: .relaxed) }
    }

    @Test func givesUpOnAReadThatHangsAndReadsEverythingElse() async throws {
        let (reads, hanging) = (BlockingReads<Int>(), Hanging())
        let first = await reads.value(of: "hanging", within: .milliseconds(50)) { hanging.read() }
        #expect(first == nil)
        // As many as there are threads, and more.
        await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<(OwnThread.limit + 10) {
                group.addTask { await reads.value(of: "hanging", within: .milliseconds(200)) { hanging.read() } }
            }
            for await value in group { #expect(value == nil) }
        }
        #expect(hanging.reads == 1, "one thread hangs")
        #expect(await reads.value(of: "other", within: .seconds(5)) { 7 } == 7)
        hanging.end()
        let later = await reads.value(of: "hanging", within: .seconds(5)) { hanging.read() }
        #expect(later == 1 || later == 2)
    }

    @Test func readsAgainForWhoeverAsksAfterwards() async throws {
        let (reads, count) = (BlockingReads<Int>(), CallCount())
        for number in 1...3 {
            #expect(await reads.value(of: "a", within: .seconds(5)) { count.next() } == number)
        }
    }

    @Test func endsWithACallerThatIsCancelled() async throws {
        let (reads, hanging) = (BlockingReads<Int>(), Hanging())
        let caller = Task { await reads.value(of: "a", within: .seconds(60)) { hanging.read() } }
        try await eventually("the read has begun") { hanging.reads == 1 }
        caller.cancel()
        #expect(await caller.value == nil)
        hanging.end()
    }
}
