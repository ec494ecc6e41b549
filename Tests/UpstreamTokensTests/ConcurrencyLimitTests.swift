import TestSupport
import Testing
import UpstreamTokens

@Suite struct ConcurrencyLimitTests {
    private static let never: @Sendable (Duration) async throws -> Void = { _ in try await Task.sleep(for: .seconds(60))
    }

    private func take(_ turns: ConcurrencyLimit) async -> Bool {
        await turns.take(within: .seconds(60), sleep: Self.never)
    }

    @Test func letsAsManyThroughAsAllowedAndTheOthersInOrder() async throws {
        let turns = ConcurrencyLimit(2)
        for _ in 0..<2 { #expect(await take(turns)) }
        var waiting: [Task<Bool, Never>] = []
        for number in 1...3 {
            waiting.append(Task { await take(turns) })
            try await eventually("one more waits") { turns.waitingCount == number }
        }
        for (number, task) in waiting.enumerated() {
            turns.giveBack()
            #expect(await task.value)
            #expect(turns.waitingCount == 2 - number)
        }
    }

    @Test func givesUpWhenItsTimeHasRunOutAndLosesNoTurn() async throws {
        let turns = ConcurrencyLimit(1)
        #expect(await take(turns))
        #expect(await turns.take(within: .zero, sleep: { _ in }) == false)
        #expect(turns.waitingCount == 0)
        turns.giveBack()
        #expect(await take(turns))
    }

    @Test func forgetsACallerThatIsCancelled() async throws {
        let turns = ConcurrencyLimit(1)
        #expect(await take(turns))
        let waiting = Task { await take(turns) }
        try await eventually("it waits") { turns.waitingCount == 1 }
        waiting.cancel()
        #expect(await waiting.value == false)
        turns.giveBack()
        #expect(await take(turns))
    }

    /// Time-outs, cancellations and turns meet; in the end every turn is there again.
    @Test func losesNoTurnWhereManyComeAndGo() async throws {
        let turns = ConcurrencyLimit(3)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    let sleep: @Sendable (Duration) async throws -> Void = { _ in
                        for _ in 0..<number % 7 { await Task.yield() }
                    }
                    guard await turns.take(within: .zero, sleep: sleep) else { return }
                    await Task.yield()
                    turns.giveBack()
                }
            }
        }
        #expect(turns.waitingCount == 0)
        for _ in 0..<3 { #expect(await turns.take(within: .zero, sleep: { _ in })) }
        #expect(await turns.take(within: .zero, sleep: { _ in }) == false)
    }
}
