import CountersignService
import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite struct LoopWatchTests {
    @Test func noticesALoopThatIsBlocked() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let watch = LoopWatch(group.makeIterator())
        let isOver = DispatchSemaphore(value: 0)
        group.next().execute { isOver.wait() }
        try await eventually("it shows while it lasts") { watch.longestGap > .milliseconds(300) }
        isOver.signal()
        try await group.next().submit {}.get()
        #expect(watch.longestGap > .milliseconds(300), "it is remembered")
        try await group.shutdownGracefully()
    }
}
