import ArgumentParser
import CountersignService
import ServiceConfiguration

struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether `serve` would start with this file.",
        discussion: """
            Checks everything that `serve` would refuse, with the same words, except what only the moment decides (ports \
            that are taken, servers that are down). It reads the secrets and key files for that, and needs the environment \
            of the service. Exits 0 where all is well, else 1, with a line for each problem on standard error. Notes say \
            what is worth knowing though nothing is wrong.

            Example, for a build that has no secrets:
              countersign check-config --offline --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Flag(help: "Read the configuration file alone: no secret, no key, no other file.")
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
            }
            print("\(config.file): good. \(configuration.summary)")
        }
    }
}
