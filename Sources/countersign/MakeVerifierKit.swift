import ArgumentParser
import CountersignService
import TokenExchange

struct MakeVerifierKit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verifier-kit",
        abstract: "Write good and bad external identities with their verdicts, to test a verifier with.",
        discussion: """
            For each identity provider that mints JWTs: a good token and eleven others (expired, wrong audience, wrong key, \
            alg none, …), a file each; `verdicts.json` tells what a verifier must say of them, `jwks.json` has the keys.

            Point the verifier under test at that jwks.json. The keys are made for the kit and forgotten, so its tokens are \
            worth nothing anywhere else, and may lie about in a build.

            --service-keys signs with the keys of `signing.directory` instead, for a verifier that can only use the real key \
            set. Then `good` and `revoked` are accepted in production by every verifier that does not introspect: their \
            subject is "\(VerifierKit.subject)", they live five minutes at most, and whoever reads the files can use them \
            until then. Do not publish such a kit.

            Example:
              countersign verifier-kit --out kit --lifetime 24h --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Option(name: .customLong("out"), help: ArgumentHelp("An empty folder, or one to make.", valueName: "dir"))
    var directory: String
    @Flag(help: "Sign with the service's own keys; see above.")
    var serviceKeys = false
    @Option(
        help: "How long the good tokens live: 30s, 5m, 24h. Default: 1h; 5m with --service-keys, which is the most.")
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
