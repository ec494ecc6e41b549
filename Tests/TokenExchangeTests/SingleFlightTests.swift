import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite struct SingleFlightTests {
    private static let sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    @Test func oneLeadsAndTheOthersFollowUntilItLands() async throws {
        let flights = SingleFlight<String, Int>()
        let (gate, open) = AsyncStream.makeStream(of: Never.self)
        let asked = Mutex(0)
        let began = Mutex(0)
        let sleep = { @Sendable (limit: Duration) async throws -> Void in
            asked.withLock { $0 += 1 }
            try await Task.sleep(for: limit)
        }
        let ask = { @Sendable (key: String, limit: Duration) in
            await flights.value(for: key, within: limit, sleep: sleep) {
                let number = began.withLock { count in
                    count += 1
                    return count
                }
                for await _ in gate {}
                return number
            }
        }
        let first = await ask("a", .zero)
        #expect(first.value == nil && first.isOwn)
        // The flight goes on, whoever leaves.
        let second = await ask("a", .zero)
        #expect(second.value == nil && !second.isOwn)
        async let follower = ask("a", .seconds(60))
        #expect(await ask("b", .zero).isOwn)
        #expect(flights.flightCount == 2)
        try await eventually("all have asked", within: .seconds(30)) { asked.withLock { $0 == 4 } }
        open.finish()
        let landed = await follower
        #expect(landed.value != nil && !landed.isOwn)
        try await eventually("nobody flies", within: .seconds(30)) { flights.flightCount == 0 }
        let last = await ask("a", .seconds(60))
        #expect(last.value == 3 && last.isOwn && began.withLock { $0 } == 3)
    }

    @Test func goesOnWhenItsFirstCallerIsCancelled() async throws {
        let flights = SingleFlight<Int, String>()
        let (gate, open) = AsyncStream.makeStream(of: Never.self)
        let began = Mutex(0)
        let ask = { @Sendable in
            await flights.value(for: 0, within: .seconds(60), sleep: Self.sleep) {
                began.withLock { $0 += 1 }
                for await _ in gate {}
                return "landed"
            }
        }
        let first = Task { await ask() }
        try await eventually("the flight begins", within: .seconds(30)) { began.withLock { $0 == 1 } }
        let second = Task { await ask() }
        first.cancel()
        #expect(await first.value.value == nil)
        open.finish()
        #expect(await second.value.value == "landed")
        try await eventually("nobody flies", within: .seconds(30)) { flights.flightCount == 0 }
    }

    @Test func givesUpAtItsCallersLimit() async {
        let flights = SingleFlight<Int, String>()
        let (gate, open) = AsyncStream.makeStream(of: Never.self)
        let outcome = await flights.value(for: 0, within: .milliseconds(20), sleep: Self.sleep) {
            for await _ in gate {}
            return "late"
        }
        #expect(outcome.value == nil && outcome.isOwn)
        open.finish()
    }
}
