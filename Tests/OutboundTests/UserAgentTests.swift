import Outbound
import TestSupport
import Testing

/// Other servers are told who calls them.
@Suite struct UserAgentTests {
    @Test(arguments: [[], [("user-agent", "till/7")]] as [[(name: String, value: String)]])
    func namesTheProgramUnlessAnotherNameIsGiven(_ headers: [(name: String, value: String)]) async throws {
        let server = try await FakeHTTPServer.start(
            .whole(status: 200, headers: [:], body: []), FakeHTTPServer.Settings())
        let client = try Client()
        defer { client.client.shutDown() }
        _ = try await client.client.answer(
            to: OutboundRequest("GET", "http://127.0.0.1:\(server.port)/", headers: headers), within: .seconds(10))
        let agents = server.requests.first?.headers.filter { $0.name.lowercased() == "user-agent" }.map(\.value)
        #expect(agents == [headers.first?.value ?? BuildInformation.userAgent])
        try await server.stop()
    }
}
