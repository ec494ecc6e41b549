import ArgumentParser
import BlockingWork
import CountersignService
import Foundation
import ServiceConfiguration
import TokenExchange

private let variable = "COUNTERSIGN_CONFIG"
private let usualFile = "/etc/countersign/countersign.yaml"

/// `--config FILE`, for every command that needs a configuration.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "The YAML configuration file; paths in it are relative to it. Default: the file that "
                + "\(variable) names, else \(usualFile).", valueName: "file"))
    private var named: String?

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// The file that the environment names; nil if the variable is unset or empty.
    private static var fileOfEnvironment: String? {
        environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The configuration file: from the option, from the environment, or the usual one.
    var file: String { named ?? Self.fileOfEnvironment ?? usualFile }

    /// Says where the file's name comes from; nil if it is from the command line.
    private var reason: String? {
        if named != nil { return nil }
        return Self.fileOfEnvironment == nil
            ? "The configuration is \(file), as neither --config nor \(variable) names another."
            : "The configuration is \(file), as \(variable) names it."
    }

    /// What the file says. Files and secrets that it refers to are not read before they are used.
    func load() async throws -> Configuration {
        let file = file
        return try await Self.reading { try Configuration.parse(file: file, environment: Self.environment) }
    }

    /// The same; nil if no file is named, and the usual one is not there.
    func loadIfPresent() async throws -> Configuration? {
        let isNamed = named != nil || Self.fileOfEnvironment != nil
        return isNamed || FileManager.default.fileExists(atPath: usualFile) ? try await load() : nil
    }

    /// Everything that `serve` needs, read and checked.
    func blueprint() async throws -> Blueprint { try await Self.reading(readBlueprint) }

    /// The same, without a limit of time, for callers that have their own.
    var readBlueprint: @Sendable () throws -> Blueprint {
        { [file] in try Blueprint(file: file, environment: Self.environment) }
    }

    /// The same for `doctor`, which reports what cannot be read.
    /// - Parameter authorities: of the public URL's certificate; nil for the system's.
    func checkup(authorities: String?) async throws -> Checkup {
        try await Self.reading { [file] in
            Checkup(
                file: file, environment: Self.environment, authorities: authorities, machine: .this, time: .system)
        }
    }

    /// What asks the service whether it is ready.
    /// - Parameter client: the files of the certificate to show; nil for none.
    func healthCheck(as client: TLSFiles?, within timeout: Duration) async throws -> HealthCheck {
        try await Self.reading { [file] in
            try HealthCheck(
                Configuration.parse(file: file, environment: Self.environment), as: client, within: timeout)
        }
    }

    /// What probes the service, with its key and the secret of its verifier.
    /// - Parameter url: of the service; nil for where the configuration says.
    func prober(at url: String?) async throws -> Prober {
        try await Self.reading { [file] in
            let configuration = try Configuration.parse(file: file, environment: Self.environment)
            guard let prober = try Prober(configuration, at: url) else {
                let problem = configuration.places["probe"].problem(
                    expected: "a tenant, an identity provider and a key to probe with", found: "none",
                    remedy: "docs/operations.md says how to make them.")
                throw StartUpError(problem)
            }
            return prober
        }
    }

    /// If a file hangs, it is named instead of waited for.
    private static func reading<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        do { return try await FileReaders().run(body) } catch let hang as FileHangs { throw StartUpError(["\(hang)"]) }
    }

    /// Runs a command's work. If it throws, the problems go to standard error and the exit status is 1.
    func reporting<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            try VersionReport.checkLibraries()
            let result = try await work()
            // Before the status says that all is well: printed text may still be in a buffer, and writing it may fail.
            guard fflush(nil) == 0 else { throw StartUpError(["standard output cannot be written"]) }
            return result
        } catch {
            let lines = StartUpError(error).problems + [reason].compactMap(\.self)
            StandardError.write(Array((lines.joined(separator: "\n") + "\n").utf8))
            throw ExitCode(1)
        }
    }
}
