import ArgumentParser
import CountersignService
import TokenExchange

struct Upstream: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Internal services that tokens come from.", subcommands: [Try.self])

    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a provider's internal service for a token, and show what goes to and fro.",
            discussion: """
                Reads the identity token from standard input, checks it as a login does, calls the service once, before it \
                the service that gives the access token, where there is one, and prints each request with secrets masked, \
                its answer's status and shape, and what a login would get. No call is made again, whatever `attempts` says. \
                Exits 0 where a login would get a token, else 1. Stores nothing; but the service issues a token. Reads the \
                secrets of this provider alone.

                Example:
                  countersign upstream try --identity-provider crm --config countersign.yaml < token.txt
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "The identity provider whose service is asked.")
        var identityProvider: String

        func run() async throws {
            let hasToken = try await config.reporting {
                let now = TimeSource.system.now()
                let trial = try UpstreamTrial(
                    try await config.load(), providerName: ExactText(identityProvider), now: now)
                let report = await trial.report(on: StandardInput.readToken(), now: now)
                print(report.text)
                return report.hasToken
            }
            if !hasToken { throw ExitCode(1) }
        }
    }
}
