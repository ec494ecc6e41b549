import Foundation

extension CountersignProcess {
    package struct CommandResult: Sendable {
        package let status: Int
        package let output: String
    }

    /// Runs a command to its end.
    package static func run(_ arguments: String...) async throws -> CommandResult {
        try await run(program, arguments)
    }

    /// Where a program is that not every machine has; nil if it is not on `PATH`.
    package static func path(of program: String) -> String? { ChildProcess.path(of: program) }

    /// Runs any program to its end; output and errors together.
    /// - Parameters:
    ///   - input: what it reads from standard input.
    ///   - limit: where it runs longer, it is killed and this throws.
    package static func run(
        _ program: String, _ arguments: [String], input: [UInt8] = [], within limit: Duration = .seconds(60)
    ) async throws -> CommandResult {
        let folder = TemporaryFolder()
        let inputFile = "\(folder.path)/input"
        try Data(input).write(to: URL(filePath: inputFile))
        let process = try ChildProcess.start(
            program, arguments, input: inputFile, output: "\(folder.path)/output")
        defer { withExtendedLifetime(folder) {} }
        do {
            try await eventually("\(program) ends", within: limit) { !process.isRunning }
        } catch {
            _ = process.kill()
            throw error
        }
        let status = process.kill()
        return CommandResult(
            status: status, output: try String(contentsOfFile: "\(folder.path)/output", encoding: .utf8))
    }
}
