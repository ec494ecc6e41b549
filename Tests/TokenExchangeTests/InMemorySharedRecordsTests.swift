import TestSupport
import Testing
import TokenExchange

@Suite struct InMemorySharedRecordsTests {
    private let clock = ManualClock()

    @Test(arguments: SharedRecordsConformance.checks)
    func keepsThePromisesOfThePort(check: SharedRecordsConformance.Check) async throws {
        try await check.run(InMemorySharedRecords(time: clock.time))
    }

    @Test func forgetsARecordAtItsEnd() {
        let records = InMemorySharedRecords(time: clock.time)
        let key = SharedRecordsConformance.key()
        #expect(records.insertIfAbsent([1], under: key, for: .seconds(10), within: .zero) == nil)
        clock.advance(by: .seconds(9))
        #expect(records.replace([1], under: key, with: [1], for: .seconds(10), within: .zero))
        clock.advance(by: .seconds(9))
        #expect(records.value(of: key, within: .zero) == [1])
        clock.advance(by: .seconds(1))
        #expect(records.value(of: key, within: .zero) == nil)
    }

    @Test func dropsTheOldestBeyondEitherBound() {
        let few = InMemorySharedRecords(entryLimit: 10, time: clock.time)
        let small = InMemorySharedRecords(byteLimit: 100, time: clock.time)
        let keys = (0..<1000).map { _ in SharedRecordsConformance.key() }
        for key in keys {
            for records in [few, small] {
                _ = records.insertIfAbsent(
                    [UInt8](repeating: 1, count: 10), under: key, for: .seconds(10), within: .zero)
            }
        }
        for records in [few, small] {
            #expect(records.count == 10)
            #expect(records.value(of: keys[989], within: .zero) == nil)
            #expect(records.value(of: keys[990], within: .zero) != nil)
        }
    }
}
