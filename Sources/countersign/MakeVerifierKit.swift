import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign verifier-kit`.
struct MakeVerifierKit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verifier-kit",
        abstract: "Write good and bad external identities with their verdicts, to test a verifier with.",
        discussion: """
            For each identity provider that mints JWTs: a good token and eleven others (expired, wrong audience, wrong key, \
            alg none, …), one file each. `verdicts.json` has the verdict that a verifier must give on each, `jwks.json` the keys.

            Point the verifier under test at that jwks.json. The keys are made for the kit and then forgotten, so its tokens \
            are useless anywhere else, and a build may keep them.

            --service-keys signs with the keys of `signing.directory` instead, for a verifier that can only use the real key \
            set. Then every verifier in production that does not introspect accepts `good` and `revoked`: their subject is \
            "\(VerifierKit.subject)", they live five minutes at most, and anybody who reads the files can use them until \
            then. Do not publish such a kit.

            Example:
              countersign verifier-kit --out kit --lifetime 24h --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Option(
        name: .customLong("out"),
        help: ArgumentHelp("An empty folder, or one that does not exist yet.", valueName: "dir"))
    var directory: String
    @Flag(help: "Sign with the service's own keys; see above.")
    var serviceKeys = false
    @Option(
        help: "How long the good tokens live: 30s, 5m, 24h. Default: 1h; with --service-keys 5m, which is the maximum.")
    var lifetime: LifetimeArgument?

    func run() async throws {
        try await config.reporting {
            let configuration = try await config.load()
            let now = TimeSource.system.now()
            let keys = serviceKeys ? try configuration.serviceKeys(file: config.file, at: now) : nil
            let usual: Duration = serviceKeys ? VerifierKit.longestLifetimeWithServiceKeys : .seconds(3600)
            let kit = try VerifierKit(configuration, serviceKeys: keys, lifetime: lifetime?.duration ?? usual)
            print(try kit.write(to: directory, now: now))
        }
    }
}
