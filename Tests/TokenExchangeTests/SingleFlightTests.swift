import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite struct SingleFlightTests {
    private static let sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    @Test func oneLeadsAndTheOthersFollowUntilItLands() {
        var board = FlightBoard<String>()
        #expect(board.join("a", as: 1) == .leads)
        #expect(board.join("a", as: 2) == .follows)
        #expect(board.join("b", as: 3) == .leads)
        board.leave("a", as: 1)
        // The flight goes on, whoever leaves.
        #expect(board.join("a", as: 4) == .follows)
        #expect(board.land("a") == [2, 4])
        #expect(board.land("a") == [])
        #expect(board.join("a", as: 5) == .leads)
        #expect(board.flightCount == 2)
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
