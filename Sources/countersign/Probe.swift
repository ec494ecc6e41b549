import ArgumentParser
import CountersignService

/// `countersign probe`.
struct Probe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Try a running service as its clients use it, and offer it tokens that it must refuse.",
        discussion: """
            Does once, from where it is called, what `serve` does every minute if the configuration has a `probe`: a login, its \
            introspection and revocation, and three tokens that must be refused. Needs the `probe` of the configuration, its key, \
            and the secret of its verifier; reads nothing else. Prints a line for each step, and neither a token nor a secret.

            Exits 0 if all is well, 1 if a step failed, and 2 if something was accepted that must be refused.

            Example, for cron on another machine:
              countersign probe --config probe.yaml --url https://identity.acme.example
            """)

    @OptionGroup var config: ConfigurationOption
    @Option(help: "The service. Default: `probe.url`, else `public_url`.")
    var url: String?
    @Flag(help: "Print a JSON object.")
    var json = false

    func run() async throws {
        let outcome = try await config.reporting {
            let report = await (try await config.prober(at: url)).report()
            print(json ? report.json : report.text)
            return report.outcome
        }
        if outcome != .pass { throw ExitCode(outcome == .accepted ? 2 : 1) }
    }
}
