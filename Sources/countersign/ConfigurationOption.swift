import ArgumentParser
import CountersignService
import Foundation
import ServiceConfiguration

/// `--config FILE`, which every command takes.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("The YAML configuration file; paths in it are relative to it.", valueName: "file"))
    var file: String

    func load() throws(StartUpError) -> Configuration {
        do { return try Configuration.load(file: file, environment: ProcessInfo.processInfo.environment) } catch {
            throw StartUpError(error)
        }
    }

    func blueprint() throws(StartUpError) -> Blueprint {
        try Blueprint(file: file, environment: ProcessInfo.processInfo.environment)
    }
}

/// Runs a command's work; what the operator has to mend goes to standard error, and the exit status is 1.
func reportingStartUpErrors<Result>(_ work: () async throws -> Result) async throws -> Result {
    do { return try await work() } catch let error as StartUpError {
        StandardError.write(Array("\(error)\n".utf8))
        throw ExitCode(1)
    }
}
