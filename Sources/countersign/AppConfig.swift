import ArgumentParser
import CountersignService

/// `countersign app-config`.
struct AppConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-config",
        abstract: "Print the `external_integration` JSON for NewStore's Associate App configuration.",
        discussion: """
            Reads only the configuration file.

            Example:
              countersign app-config --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        try await config.reporting { print(AppConfiguration.text(try await config.load())) }
    }
}
