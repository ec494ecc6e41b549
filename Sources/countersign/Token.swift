import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign token`.
struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain identity tokens, and make some for development.", subcommands: [Explain.self, MintDev.self])

    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say rule by rule whether a token would be exchanged.",
            discussion: """
                Reads the token from standard input, checks it as the service does, and prints for every rule what it \
                expected, the kind of thing it found, and what to do. Also finds the token in what was pasted with it: \
                quotes, a JSON body, a URL or deep link; and says if it is cut off, or is one of our own. Ends with libjwt's own opinion on the signature. Exits \
                0 if the exchange would be allowed, else 1. Stores nothing. Reads no secret and no private key.

                Example:
                  countersign token explain --identity-provider vip-loyalty --config countersign.yaml < token.txt
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "The identity provider to exchange for.")
        var identityProvider: String
        @Flag(help: "Show claim values too; be careful who sees them.")
        var showValues = false
        @Flag(help: "Print a JSON object.")
        var json = false

        func run() async throws {
            let isAllowed = try await config.reporting {
                let explainer = try TokenExplainer(try await config.load(), providerName: ExactText(identityProvider))
                let report = await explainer.report(on: StandardInput.readPasted(), now: TimeSource.system.now())
                print(json ? report.json(showingValues: showValues) : report.text(showingValues: showValues))
                return report.isAllowed
            }
            if !isAllowed { throw ExitCode(1) }
        }
    }

    struct MintDev: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mint-dev",
            abstract: "Print a NewStore-shaped identity token.",
            discussion: """
                Signs with the tenant's development key, `<tenant>.private.pem` beside its public key; a tenant without one \
                is refused. The token is good only for this configuration. Reads no other key and no secret.

                Example:
                  countersign token mint-dev --claim email=jane@example.com --lifetime 1h --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "The tenant. Default: the first one that has a development key.")
        var tenant: String?
        @Option(
            name: .customLong("claim"), parsing: .singleValue,
            help: ArgumentHelp(
                "A claim to add or replace. The value is JSON if it can be read as such, else a string.",
                valueName: "k=v"))
        var claims: [ClaimArgument] = []
        @Option(help: "How long the token lives: 30s, 5m, 1h.")
        var lifetime: LifetimeArgument = LifetimeArgument(duration: .seconds(300))

        func run() async throws {
            try await config.reporting {
                let token = try DevelopmentToken(try await config.load(), tenantName: tenant.map { ExactText($0) })
                print(
                    try token.token(
                        claims: claims.map(\.member), lifetime: lifetime.duration, now: TimeSource.system.now()))
            }
        }
    }
}

/// `name=value`.
struct ClaimArgument: ExpressibleByArgument {
    let member: JSONValue.Member

    /// Nil without a name before the equals sign.
    init?(argument: String) {
        guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex else { return nil }
        let text = String(argument[argument.index(after: sign)...])
        let value = (try? JSONValue(parsing: Array(text.utf8))) ?? .string(text)
        member = JSONValue.Member(ExactText(argument[..<sign]), value)
    }
}
