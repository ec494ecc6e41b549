import CountersignService
import Foundation
import NIOCore
import ServiceConfiguration
import ServiceLifecycle
import TestSupport
import Testing

/// What an operator reads where an address cannot be listened on, and of errors that nobody foresaw.
@Suite struct ListeningTests {
    private struct Failing: Service {
        let error: any Error

        func run() async throws { throw error }
    }

    private func problem(_ error: any Error) async throws -> String {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let file = "\(folder.path)/countersign.yaml"
        let places = try Configuration.parse(file: file, environment: [:]).places
        let listening = Listening(
            listener: Failing(error: error), address: HostPort(host: "127.0.0.1", port: 80),
            place: places["listen.public"])
        let found = await #expect(throws: StartUpError.self) { try await listening.run() }
        return found.text.replacing("\(folder.path)/", with: "")
    }

    @Test(arguments: [
        (EADDRINUSE, "expected an address that no program listens on, found 127.0.0.1:80 in use. End"),
        (EADDRNOTAVAIL, "expected an address of this machine, found 127.0.0.1:80, which is none. Use"),
        (
            EACCES,
            "expected a port that this user may open, found 127.0.0.1:80: permission denied. Choose a port from 1024 on"
        ),
        (
            EAFNOSUPPORT,
            "expected an address to listen on, found 127.0.0.1:80: Address family not supported by protocol."
        ),
    ])
    func saysWhyAnAddressCannotBeListenedOn(_ code: CInt, _ words: String) async throws {
        let problem = try await problem(IOError(errnoCode: code, reason: "bind(descriptor:ptr:bytes:)"))
        #expect(problem.hasPrefix("countersign.yaml:2: listen.public: \(words)") && !problem.contains("bind"))
    }

    @Test func saysThatANameCannotBeResolved() async throws {
        let error = #expect(throws: (any Error).self) {
            try SocketAddress.makeAddressResolvingHost("nowhere.invalid", port: 80)
        }
        let problem = try await problem(try #require(error))
        #expect(problem.contains("127.0.0.1:80, whose name cannot be resolved"))
    }

    @Test func turnsWhatNobodyForesawIntoASentence() async throws {
        struct Odd: Error { let secret = "marker" }
        #expect(try await problem(Odd()).contains("expected an address to listen on, found 127.0.0.1:80: Odd."))
        let problem = "\(StartUpError(Odd()))"
        #expect(problem.hasPrefix("countersign cannot go on: ") && !problem.contains("marker"))
        #expect(StartUpError(StartUpError(["a", "b"])).problems == ["a", "b"])
    }
}
