import ArgumentParser
import CountersignService

struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether `serve` would start with this file.",
        discussion: """
            Checks everything but what only the moment decides (ports that are taken, servers that are down). Exits 0 where \
            all is well, else 1, with a line for each problem on standard error.
            """)

    @OptionGroup var config: ConfigurationOption

    func run() async throws {
        try await reportingStartUpErrors {
            let blueprint = try config.blueprint()
            for remark in blueprint.remarks { print("note: \(remark)") }
            print("\(config.file): good. \(blueprint.summary)")
        }
    }
}
