import TestSupport
import Testing

/// `deploy/` and the Containerfile say of the program what is true of it: command lines, paths, ports, keys, times.
/// `Tests/Deployment/check.py` compares them; kustomize, in kubectl or alone, renders the manifests.
@Suite struct DeploymentTests {
    private static let kustomize = CountersignProcess.path(of: "kubectl") ?? CountersignProcess.path(of: "kustomize")

    private func check(_ words: String...) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(
            CountersignProcess.python,
            ["-B", "\(CountersignProcess.repository)/Tests/Deployment/check.py"] + words + [CountersignProcess.program],
            within: .seconds(300))
    }

    @Test(.enabled(if: kustomize != nil, "no kubectl or kustomize here: deploy/ is not tested"))
    func deploysTheProgramThatThereIs() async throws {
        let result = try await check()
        #expect(result.status == 0, "\(result.output)")
    }

    /// Each of these changes breaks a deployment, and none would be seen before it is rolled out.
    @Test(.enabled(if: kustomize != nil)) func noticesEachThingThatDoesNotFit() async throws {
        let result = try await check("--spoiled")
        #expect(result.status == 0, "\(result.output)")
        let count = try #require(result.output.firstMatch(of: /(\d+) changes\n/).flatMap { Int($0.1) })
        #expect(count > 80)
    }
}
