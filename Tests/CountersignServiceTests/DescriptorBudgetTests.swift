import CountersignService
import ServiceConfiguration
import TestSupport
import Testing

/// How many clients an open file limit leaves room for.
@Suite struct DescriptorBudgetTests {
    private let blueprint: Blueprint

    init() throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        blueprint = try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:])
    }

    private func budget(_ limit: Int) throws -> DescriptorBudget {
        try DescriptorBudget(blueprint.configuration, limit: limit, eventLoops: 2)
    }

    /// All files of a process that has no client.
    private func others() throws -> Int { 1024 - (try budget(1024)).connections }

    @Test func leavesFilesForWhateverIsNoClient() throws {
        // Connections of the operations listener, and a reserve.
        #expect(try others() > 32 + 32)
    }

    @Test func takesAsManyClientsAsConfiguredAndNoMoreThanThereIsRoomFor() throws {
        let (others, wanted) = (try others(), blueprint.configuration.limits.connections)
        #expect(try budget(others + wanted + 1).connections == wanted)
        #expect(try budget(others + wanted).remarks.isEmpty)
        #expect(try budget(others + wanted - 1).connections == wanted - 1)
        #expect(try !budget(others + wanted - 1).remarks.isEmpty)
    }

    @Test func refusesToStartWithRoomForFewerThanSixteenClients() throws {
        let others = try others()
        #expect(try budget(others + 16).connections == 16)
        #expect(throws: StartUpError.self) { try budget(others + 15) }
    }
}
