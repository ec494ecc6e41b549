import TestSupport
import Testing

/// The programs that tests start.
@Suite struct StartedProgramTests {
    /// A port would stay taken for as long as such a program runs.
    @Test func haveNoSocketsOfTheTests() async throws {
        let server = try await FakeHTTPServer.start(.silence, FakeHTTPServer.Settings())
        let result = try await CountersignProcess.run("ls", ["-l", "/proc/self/fd"])
        #expect(result.status == 0 && result.output.contains("/output"), "\(result.output)")
        #expect(!result.output.contains("socket:"), "\(result.output)")
        try await server.stop()
    }
}
