import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign attack`.
struct Attack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send more than 500 bad tokens to a service of your own, and say which it refuses.",
        discussion: """
            For this service, and for any other with the same callback. Each token breaks one rule of RFC 7515, 7519, 8725 or \
            of NewStore's tokens. If the configuration has a tenant with a development key (`<tenant>.private.pem`), the tokens \
            are signed with it: a good one must be accepted first, so that a refusal is due to the fault. Without one they are \
            all forged. Tokens that the configuration allows are not sent.

            Sends one token after another, at most --rate in a second, which is slower than the usual limit of refused \
            requests. Prints a verdict for each, and no token. Exits 0 if all are refused, else 1 with their names at the end. \
            The good tokens leave sessions behind. Only services on this machine are attacked, unless you say that you own \
            another one. Reads no secret.

            Example:
              countersign attack http://127.0.0.1:8080/post_login_callback/vip-loyalty --config countersign.yaml
            """)

    @Argument(
        help: ArgumentHelp(
            "The callback. Without a path, /post_login_callback/ and the identity provider are added.", valueName: "url"
        ))
    var url: String
    @OptionGroup var config: ConfigurationOption
    @Flag(name: .customLong("i-own-this-service"), help: "Attack a service that is not on this machine.")
    var isOwn = false
    @Option(help: "How many tokens to send in a second at most, from 1 to 1000.")
    var rate = 20
    @Option(help: "The identity provider. Default: the one that the URL names, else the default one.")
    var identityProvider: String?
    @Option(help: "The tenant. Default: the first one of the provider that has a development key.")
    var tenant: String?
    @Option(
        name: .customLong("claim"), parsing: .singleValue,
        help: ArgumentHelp(
            "A claim that good tokens need, as for `token mint-dev`.", valueName: "k=v"))
    var claims: [ClaimArgument] = []

    func validate() throws {
        guard (1...1000).contains(rate) else { throw ValidationError("--rate is from 1 to 1000.") }
    }

    func run() async throws {
        let isWell = try await config.reporting {
            var options = AttackRun.Options(url: url)
            options.isOwn = isOwn
            options.rate = rate
            options.provider = identityProvider.map { ExactText($0) }
            options.tenant = tenant.map { ExactText($0) }
            options.claims = claims.map(\.member)
            let run = try AttackRun(options, try await config.loadIfPresent(), time: .system)
            return try await run { print($0) }
        }
        if !isWell { throw ExitCode(1) }
    }
}
