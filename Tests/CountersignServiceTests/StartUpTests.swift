import CountersignService
import Foundation
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// How many connections the limit of open files leaves room for.
@Suite struct DescriptorBudgetTests {
    private func configuration(
        _ change: (inout CountersignProcess.Settings) -> Void = { _ in }
    ) throws -> Configuration {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        change(&settings)
        let folder = try CountersignProcess.prepare(settings)
        return try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
    }

    /// Without any client: the smallest limit at which the service starts, less its sixteen connections.
    private func others(_ configuration: Configuration, eventLoops: Int = 1) throws -> Int {
        let least = try #require(
            (1...20_000).first {
                (try? DescriptorBudget(configuration, limit: $0, eventLoops: eventLoops)) != nil
            })
        return least - 16
    }

    @Test func refusesALimitThatLeavesLessThanSixteenConnections() throws {
        let configuration = try configuration()
        let others = try others(configuration)
        #expect(others > 32 + 32, "connections of the operations listener, and a reserve")
        #expect(try DescriptorBudget(configuration, limit: others + 16, eventLoops: 1).connections == 16)
        let error = #expect(throws: StartUpError.self) {
            try DescriptorBudget(configuration, limit: others + 15, eventLoops: 1)
        }
        #expect(error?.problems.first?.contains("at least \(others + 16) open files") == true)
        #expect(error?.problems.first?.contains("found \(others + 15); raise it with LimitNOFILE=") == true)
    }

    @Test func givesAllConnectionsThatTheConfigurationAsksForAndNoMore() throws {
        let configuration = try configuration { $0.limits = "{ connections: 100 }" }
        let others = try others(configuration)
        for (room, connections, remarks) in [(99, 99, 1), (100, 100, 0), (101, 100, 0)] {
            let budget = try DescriptorBudget(configuration, limit: others + room, eventLoops: 1)
            #expect(budget.connections == connections && budget.remarks.count == remarks)
        }
        let remark = try DescriptorBudget(configuration, limit: others + 50, eventLoops: 1).remarks[0]
        #expect(remark.contains("limits.connections is 100") && remark.contains("room for 50"))
        #expect(remark.contains("raise the limit to \(others + 100)"))
    }

    /// A configuration that asks for few connections needs no more than those.
    @Test func startsWithFewerThanSixteenConnectionsIfNoMoreAreAskedFor() throws {
        let few = try configuration { $0.limits = "{ connections: 3 }" }
        let others = try others(try configuration())
        #expect(try DescriptorBudget(few, limit: others + 3, eventLoops: 1).connections == 3)
        #expect(throws: StartUpError.self) { try DescriptorBudget(few, limit: others + 2, eventLoops: 1) }
    }

    @Test func countsTheConnectionsOfStoreAndServices() throws {
        let base = try others(try configuration(), eventLoops: 2)
        func redis(_ url: String, _ more: String = "") -> (inout CountersignProcess.Settings) -> Void {
            { $0.sessions = #"{ store: redis, redis: { url: "\#(url)"\#(more) } }"# }
        }
        // Twice for each event loop: one connection may still end while its successor begins.
        #expect(try others(try configuration(redis("redis://127.0.0.1:1")), eventLoops: 2) == base + 4)
        #expect(
            try others(try configuration(redis("redis-sentinel://127.0.0.1:1,127.0.0.1:2/main")), eventLoops: 2)
                == base + 12)
        #expect(try others(try configuration(redis("redis-cluster://127.0.0.1:1")), eventLoops: 2) == base + 32)
        #expect(
            try others(
                try configuration(redis("redis://127.0.0.1:1", ", wait_replicas: 1, wait_connections: 3")),
                eventLoops: 2) == base + 16)
        let upstream = try configuration {
            $0.providers = CountersignProcess.Settings.provider(
                "points",
                token: "kind: upstream, upstream: { url: \"https://x.example\", token_at: /t, connections: 7 }")
        }
        #expect(try others(upstream, eventLoops: 2) == base + 7)
        let remote = try configuration { $0.keys = "{ jwks_url: \"http://127.0.0.1:1/certs\" }" }
        #expect(try others(remote, eventLoops: 2) == base + 2)
        #expect(try others(try configuration(), eventLoops: 4) == base + 6)
    }
}

/// What operators are told of errors.
@Suite struct StartUpErrorTests {
    private struct Foreign: Error, CustomStringConvertible {
        var description: String { "MARKER" }
    }

    @Test func hasALineForEachProblem() {
        #expect("\(StartUpError(["one", "two"]))" == "one\ntwo")
        #expect(StartUpError(StartUpError(["one", "two"]) as any Error).problems == ["one", "two"])
    }

    /// An error that was not made for operators may say anything.
    @Test func namesOnlyTheTypeOfAnErrorThatIsNotMeantForOperators() {
        let text = "\(StartUpError(Foreign() as any Error))"
        #expect(text.contains("(Foreign)") && !text.contains("MARKER"))
    }

    @Test func keepsTheWordsOfAConfigurationsProblems() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("countersign.yaml", "listen: 7\n")
        let error = #expect(throws: ConfigurationError.self) { try Configuration.parse(file: file, environment: [:]) }
        let problems = try #require(error)
        #expect(StartUpError(problems as any Error).problems == ["\(problems)"])
        #expect("\(problems)".contains("countersign.yaml:1: listen: expected a mapping, found the number 7."))
    }
}
