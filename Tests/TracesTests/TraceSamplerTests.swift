import TestSupport
import Testing
import Traces

@Suite struct TraceSamplerTests {
    private let clock = ManualClock()

    private func sampler(_ ratio: Double, budget: Int = 1000) -> TraceSampler {
        TraceSampler(ratio: ratio, requestsPerSecond: budget, time: clock.time)
    }

    /// Ratio, the second half of a trace's id, and whether it is traced.
    private static let decisions: [(Double, UInt64, Bool)] = [
        (0, 0xFFFF_FFFF_FFFF_FFFF, false), (1, 0, true),
        (0.5, 0x7F_FFFF_FFFF_FFFF, false), (0.5, 0x80_0000_0000_0000, true),
        (0.25, 0xBF_FFFF_FFFF_FFFF, false), (0.25, 0xC0_0000_0000_0000, true),
        // The first byte does not count.
        (0.5, 0xFF7F_FFFF_FFFF_FFFF, false),
    ]

    @Test(arguments: decisions)
    func decidesByTheEndOfTheID(ratio: Double, id: UInt64, isTaken: Bool) {
        #expect(sampler(ratio).takes(id) == isTaken)
    }

    @Test func followsTheCallerWhateverTheRatio() {
        #expect(sampler(0).takes(sampledByCaller: true))
        #expect(!sampler(1).takes(sampledByCaller: false))
    }

    @Test func staysWithinABudgetOfEachSecond() {
        let sampler = sampler(1, budget: 3)
        #expect((0..<4).map { _ in sampler.takes(0) } == [true, true, true, false])
        #expect(sampler.overBudgetCount == 1)
        clock.advance(by: .milliseconds(999))
        #expect(!sampler.takes(0))
        clock.advance(by: .milliseconds(1))
        #expect((0..<4).map { _ in sampler.takes(0) } == [true, true, true, false])
    }

    @Test func leavesHalfOfTheBudgetToTracesOfItsOwn() {
        let sampler = sampler(1, budget: 4)
        #expect((0..<3).map { _ in sampler.takes(sampledByCaller: true) } == [true, true, false])
        #expect((0..<3).map { _ in sampler.takes(0) } == [true, true, false])
        #expect(sampler.overBudgetCount == 2)
    }

    @Test func countsNoneThatNobodyAskedFor() {
        let sampler = sampler(0, budget: 1)
        for _ in 0..<5 { #expect(!sampler.takes(.max) && !sampler.takes(sampledByCaller: false)) }
        #expect(sampler.overBudgetCount == 0 && sampler.takes(sampledByCaller: true))
    }
}
