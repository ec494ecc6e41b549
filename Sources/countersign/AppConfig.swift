import ArgumentParser
import CountersignService

struct AppConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-config",
        abstract: "Print the `external_integration` JSON for NewStore's Associate App configuration.")

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        try await reportingStartUpErrors { print(AppConfiguration.text(try config.load())) }
    }
}
