import Foundation
import TestSupport
import Testing
import TokenExchange

/// Signals that come while the service starts.
@Suite struct StartSignalTests {
    private typealias Settings = CountersignProcess.Settings

    /// Starts the program; returns as soon as it can be told anything.
    private func launch(in folder: TemporaryFolder) async throws -> CountersignProcess {
        let process = try CountersignProcess.launch(in: folder)
        try await eventually("it takes signals") { process.handlesSignals || !process.isRunning }
        return process
    }

    /// At moments between the first and those when it serves.
    @Test func leavesWithStatusZeroHoweverEarlyItIsTold() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        for moment in 0..<20 {
            let process = try await launch(in: folder)
            try await Task.sleep(for: .milliseconds(moment * Int.random(in: 0...12)))
            process.signal(SIGTERM)
            #expect(try await process.exitStatus() == 0, "\(process.log)")
        }
    }

    @Test func forgetsNoReloadHoweverEarlyItIsAskedFor() async throws {
        var settings = Settings()
        settings.ports = (try freeLoopbackPort(), try freeLoopbackPort())
        let folder = try CountersignProcess.prepare(settings)
        for moment in 0..<12 {
            try folder.write("countersign.yaml", settings.yaml)
            let process = try await launch(in: folder)
            try await Task.sleep(for: .milliseconds(moment * Int.random(in: 0...20)))
            var more = settings
            more.providers += Settings.provider("notes")
            // In one step, as the first reading may be under way.
            let new = try folder.write("new.yaml", more.yaml)
            #expect(rename(new, "\(folder.path)/countersign.yaml") == 0)
            process.signal(SIGHUP)
            try await eventually("the new provider is served", within: .seconds(15)) {
                guard process.isRunning else { throw ProgramFailure(description: process.log) }
                guard let connection = try? HTTPConnection(port: settings.ports.public) else { return false }
                try connection.login(try ModelToken.fresh(), "till-1", "notes")
                return try connection.answer().status == 200
            }
            process.signal(SIGINT)
            #expect(try await process.exitStatus() == 0)
        }
    }

    /// Nobody writes to the pipe, so opening it waits; the program says so, or leaves when it is told.
    @Test func namesTheFileThatKeepsItFromStarting() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        let file = "\(folder.path)/countersign.yaml"
        try FileManager.default.removeItem(atPath: file)
        try #require(mkfifo(file, 0o600) == 0)
        let told = try await launch(in: folder)
        told.signal(SIGTERM)
        #expect(try await told.exitStatus() == 0)
        for command in ["serve", "check-config"] {
            let result = try await CountersignProcess.run(command, "--config", file)
            #expect(result.status == 1)
            #expect(
                result.output.hasPrefix("\(file): expected a file that can be read within 5 s, found one that hangs"))
        }
    }
}
