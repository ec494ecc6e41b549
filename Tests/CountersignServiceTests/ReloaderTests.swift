import CountersignService
import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite struct ReloaderTests {
    private let clock = ManualClock()
    private let log = RecordedLog()

    private struct Broken: Error, CustomStringConvertible {
        var description: String { "broken" }
    }

    private func reloader(_ read: @escaping @Sendable () throws -> @Sendable () -> Void) -> Reloader {
        Reloader(logger: log.logger, sleep: clock.sleep, read: read)
    }

    /// Runs a reloader for as long as `body` does.
    private func running(_ reloader: Reloader, _ body: () async throws -> Void) async throws {
        let task = Task { await reloader.run() }
        try await body()
        task.cancel()
        await task.value
    }

    /// Lets time pass until `condition` holds.
    private func inTime(_ what: String, _ condition: () -> Bool) async throws {
        try await eventually(what) {
            if condition() { return true }
            clock.advance(by: .milliseconds(500))
            return false
        }
    }

    @Test func takesUpWhatWasRead() async throws {
        let takenUp = Atomic(0)
        let reloader = reloader { { takenUp.wrappingAdd(1, ordering: .relaxed) } }
        try await running(reloader) {
            reloader.request()
            try await eventually("it is taken up") { takenUp.load(ordering: .relaxed) == 1 }
        }
    }

    @Test func remembersHowReloadsHaveGone() async throws {
        let isBroken = Atomic(false)
        let reloader = Reloader(time: clock.time, logger: log.logger, sleep: clock.sleep) {
            self.clock.advance(by: .seconds(2))
            if isBroken.load(ordering: .relaxed) { throw Broken() }
            return {}
        }
        let start = clock.now
        #expect(reloader.history.lastSuccess == start && reloader.history.lastDuration == .zero)
        try await running(reloader) {
            reloader.request()
            try await eventually("one reload") { reloader.history.successes == 1 }
            let success = reloader.history
            #expect(!success.isFailing && success.failures == 0 && success.lastDuration == .seconds(2))
            #expect(success.lastSuccess == start + .seconds(2))
            isBroken.store(true, ordering: .relaxed)
            reloader.request()
            try await inTime("one that fails") { reloader.history.failures == 1 }
            #expect(reloader.history.isFailing && reloader.history.successes == 1)
            #expect(reloader.history.lastSuccess == success.lastSuccess, "the configuration in use is the older one")
        }
    }

    @Test func readsTwiceForHundredsOfRequests() async throws {
        let readings = Atomic(0)
        let count = { readings.load(ordering: .relaxed) }
        let reloader = reloader {
            readings.wrappingAdd(1, ordering: .relaxed)
            return {}
        }
        try await running(reloader) {
            reloader.request()
            try await eventually("the first is followed at once") { count() == 1 }
            for _ in 0..<8 {
                try await eventually("it waits for quiet") { clock.sleeperCount == 1 }
                for _ in 0..<50 { reloader.request() }
                clock.advance(by: .milliseconds(500))
            }
            try await inTime("the others are one") { count() == 2 }
            reloader.request()
            try await inTime("a later one is followed too") { count() == 3 }
        }
        #expect(count() == 3)
    }

    @Test func readsAgainThoughRequestsNeverEnd() async throws {
        let readings = Atomic(0)
        let reloader = reloader {
            readings.wrappingAdd(1, ordering: .relaxed)
            return {}
        }
        try await running(reloader) {
            reloader.request()
            for _ in 0..<25 {
                try await eventually("it rests") { clock.sleeperCount == 1 }
                reloader.request()
                clock.advance(by: .milliseconds(500))
            }
            try await eventually("after ten seconds") { readings.load(ordering: .relaxed) == 2 }
        }
    }

    @Test func saysWhatIsWrongAndGoesOn() async throws {
        let readings = Atomic(0)
        let takenUp = Atomic(0)
        let reloader = reloader {
            if readings.wrappingAdd(1, ordering: .relaxed).newValue == 1 { throw Broken() }
            return { takenUp.wrappingAdd(1, ordering: .relaxed) }
        }
        try await running(reloader) {
            reloader.request()
            try await eventually("it is said") { log.lines.count == 1 }
            reloader.request()
            try await inTime("the second is taken up") { takenUp.load(ordering: .relaxed) == 1 }
        }
        #expect(log.lines == ["error: not reloaded, the last good configuration stays problem=broken"])
    }
}
