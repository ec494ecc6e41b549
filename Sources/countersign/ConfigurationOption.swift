import ArgumentParser
import BlockingWork
import CountersignService
import Foundation
import ServiceConfiguration

private let variable = "COUNTERSIGN_CONFIG"
private let usualFile = "/etc/countersign/countersign.yaml"

/// `--config FILE`, which every command takes that needs a configuration.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The YAML configuration file; paths in it are relative to it. Without the option the file that "
                + "\(variable) names, else \(usualFile).", valueName: "file"))
    private var named: String?

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// Of the environment; nil if it is unset or empty.
    private static var fileOfEnvironment: String? {
        environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    var file: String { named ?? Self.fileOfEnvironment ?? usualFile }

    /// Why this file and no other; nil if the command line names it.
    private var reason: String? {
        if named != nil { return nil }
        return Self.fileOfEnvironment == nil
            ? "The configuration is \(file), as neither --config nor \(variable) names another."
            : "The configuration is \(file), as \(variable) names it."
    }

    /// What the file says. Nothing that it refers to is looked at before it is used.
    func load() async throws -> Configuration {
        let file = file
        return try await Self.reading { try Configuration.parse(file: file, environment: Self.environment) }
    }

    /// All that `serve` needs.
    func blueprint() async throws -> Blueprint { try await Self.reading(readBlueprint) }

    /// The same for those who see to files that hang themselves.
    var readBlueprint: @Sendable () throws -> Blueprint {
        { [file] in try Blueprint(file: file, environment: Self.environment) }
    }

    /// A file that hangs is named, instead of waited for.
    private static func reading<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        do { return try await FileReaders().run(body) } catch let hang as FileHangs { throw StartUpError(["\(hang)"]) }
    }

    /// Runs a command's work. What the operator has to mend goes to standard error, and the exit status is 1.
    func reporting<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            let result = try await work()
            // Before a status says that all is well: what was printed may still wait, and have nowhere to go.
            guard fflush(nil) == 0 else { throw StartUpError(["standard output cannot be written"]) }
            return result
        } catch {
            let lines = StartUpError(error).problems + [reason].compactMap(\.self)
            StandardError.write(Array((lines.joined(separator: "\n") + "\n").utf8))
            throw ExitCode(1)
        }
    }
}
