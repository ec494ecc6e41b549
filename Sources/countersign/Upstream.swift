import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign upstream`.
struct Upstream: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Try the internal services that issue tokens.", subcommands: [Try.self])

    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a provider's internal service for a token, and show requests and answers.",
            discussion: """
                Reads the identity token from standard input and checks it as a login does. Then calls the service once, after \
                the service that gives the access token if there is one. Prints each request with secrets masked, the status \
                and the shape of its answer, and what a login would get. Calls are not repeated, whatever `attempts` says. Exits \
                0 if a login would get a token, else 1. Stores nothing, but the service does issue a token. Reads only the \
                secrets of this provider.

                Example:
                  countersign upstream try --identity-provider crm --config countersign.yaml < token.txt
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "The identity provider whose service is called.")
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
