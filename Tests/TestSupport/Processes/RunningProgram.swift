import Foundation

/// Any program that serves something while this object lives.
package final class RunningProgram: Sendable {
    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(folder: TemporaryFolder, process: ChildProcess) {
        self.folder = folder
        self.process = process
    }

    deinit { _ = process.kill() }

    /// Starts it, and waits until it has printed `sign`.
    package static func start(
        _ program: String, _ arguments: [String], until sign: String
    ) async throws -> RunningProgram {
        let folder = TemporaryFolder()
        let running = RunningProgram(
            folder: folder,
            process: try ChildProcess.start(program, arguments, output: "\(folder.path)/output"))
        try await eventually("\(program) prints \(sign)", within: .seconds(15)) {
            guard running.process.isRunning else { throw ProgramFailure(description: running.output) }
            return running.output.contains(sign)
        }
        return running
    }

    /// All that it has printed, errors included.
    package var output: String {
        (try? String(contentsOfFile: "\(folder.path)/output", encoding: .utf8)) ?? ""
    }
}
