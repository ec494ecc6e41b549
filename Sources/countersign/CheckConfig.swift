import ArgumentParser
import CountersignService
import ServiceConfiguration

/// `countersign check-config`.
struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether `serve` would start with this file.",
        discussion: """
            Checks everything that `serve` would refuse, with the same messages, except what depends on the moment (ports \
            in use, servers that are down). It reads secrets and key files for that, so it needs the environment of the \
            service. Exits 0 if all is well, else 1, with a line for each problem on standard error. Notes say what is worth \
            knowing although nothing is wrong. Warnings name settings that are allowed and hardly ever meant, and ports that \
            are in use at this moment; they do not change the exit status.

            Example, for a build without secrets:
              countersign check-config --offline --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Flag(help: "Read only the configuration file: no secret, no key, no other file.")
    var offline = false

    func run() async throws {
        try await config.reporting {
            let configuration: Configuration
            if offline {
                configuration = try await config.load()
                try configuration.checkMinting(file: config.file)
                print("note: offline: no secret, key or other file was looked at")
            } else {
                let blueprint = try await config.blueprint()
                configuration = blueprint.configuration
                let descriptors = try DescriptorBudget(configuration, limit: OpenFileLimit.raise())
                for remark in blueprint.remarks + descriptors.remarks { print("note: \(remark)") }
                for warning in await configuration.portWarnings() { print("warning: \(warning)") }
            }
            for warning in configuration.warnings { print("warning: \(warning)") }
            print("\(config.file): good. \(configuration.summary)")
        }
    }
}
