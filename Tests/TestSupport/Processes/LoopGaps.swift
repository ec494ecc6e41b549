import Synchronization

/// How late event loops of services were, over all tests of this process: an event loop is never blocked, whatever a test
/// does to a service.
package enum LoopGaps {
    /// Generous, for machines that are busy with other things. What blocks a loop (a file, a pipe, a pattern) does it for
    /// longer.
    package static let bound: Duration = .seconds(3)

    private static let longest = Mutex(Duration.zero)

    /// Asks a service that is about to end.
    static func note(_ service: CountersignProcess) {
        guard service.isRunning, let gap = try? service.longestLoopGap() else { return }
        let isNews = longest.withLock { longest in
            defer { longest = max(longest, gap) }
            return gap > longest
        }
        if isNews { print("the longest time that an event loop was late so far: \(gap)") }
    }

    /// - Throws: if one was too late.
    static func check() throws {
        let longest = longest.withLock(\.self)
        guard longest < bound else { throw ProgramFailure(description: "an event loop was late by \(longest)") }
    }
}
