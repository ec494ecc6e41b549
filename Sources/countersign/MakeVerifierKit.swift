import ArgumentParser
import CountersignService
import Foundation
import TokenExchange

/// `countersign verifier-kit`.
struct MakeVerifierKit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verifier-kit",
        abstract: "Try a verifier with good and bad external identities, or write them to files.",
        discussion: """
            For each identity provider that mints JWTs: a good token and eleven others (expired, wrong audience, wrong key, \
            alg none, …). The keys are made for the kit and then forgotten, so its tokens are useless anywhere else.

            --run runs a command for each token, by /bin/sh, with {token} and {audience} replaced. Exit status 0 accepts the \
            token, 1 to 125 reject it. The command finds in its environment \(KitSetting.url.rawValue), where the kit answers \
            /.well-known/jwks.json and /introspect as Countersign does, and \(KitSetting.issuer.rawValue), the iss of its tokens. If it \
            asks there, it is also tried while Countersign fails, answers nonsense, and is away. Prints the verdicts; exits 1 \
            if one is wrong. With --introspection it also finds \(KitSetting.verifier.rawValue) and \(KitSetting.secret.rawValue), and \
            `revoked` must be rejected too.

            --out writes the tokens, one file each, verdicts.json with the verdict that a verifier must give on each, and \
            jwks.json with the keys, for a verifier that reads files. A build may keep them.

            --service-keys signs with the keys of `signing.directory` instead, for a verifier that can only use the real key \
            set. Then every verifier in production that does not introspect accepts `good` and `revoked`: their subject is \
            "\(VerifierKit.subject)", they live five minutes at most, and anybody who reads the files or the command line can \
            use them until then. Do not publish such a kit.

            Examples:
              countersign verifier-kit --run 'node verifier.mjs {token} {audience}' --config countersign.yaml
              countersign verifier-kit --out kit --lifetime 24h --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Option(
        name: .customLong("out"),
        help: ArgumentHelp("An empty folder, or one that does not exist yet.", valueName: "dir"))
    var directory: String?
    @Option(
        name: .customLong("run"), help: ArgumentHelp("A verifier, with {token} and {audience}.", valueName: "command"))
    var command: String?
    @Flag(help: "The command is to ask about each token, instead of going by the key set.")
    var introspection = false
    @Option(help: "How long the command may take for one token.")
    var timeLimit = LifetimeArgument(duration: .seconds(10))
    @Flag(help: "Show what the command prints.")
    var showOutput = false
    @Flag(help: "Sign with the service's own keys; see above.")
    var serviceKeys = false
    @Option(
        help: "How long the good tokens live: 30s, 5m, 24h. Default: 1h; with --service-keys 5m, which is the maximum.")
    var lifetime: LifetimeArgument?

    func validate() throws {
        guard directory != nil || command != nil else {
            throw ValidationError("expected --run with a command, --out with a folder, or both; found neither")
        }
    }

    func run() async throws {
        let isPassed = try await config.reporting {
            let configuration = try await config.load()
            let now = TimeSource.system.now()
            let keys = serviceKeys ? try configuration.serviceKeys(file: config.file, at: now) : nil
            let usual: Duration = serviceKeys ? VerifierKit.longestLifetimeWithServiceKeys : .seconds(3600)
            let kit = try VerifierKit(configuration, serviceKeys: keys, lifetime: lifetime?.duration ?? usual)
            if let directory { print(try kit.write(to: directory, now: now)) }
            guard let command else { return true }
            let report = try await KitTrial(
                kit,
                KitCommand(
                    command, environment: ProcessInfo.processInfo.environment, timeLimit: timeLimit.duration,
                    showsOutput: showOutput, time: .system),
                isByIntrospection: introspection
            ).report(now: now)
            print(report.text)
            return report.isPassed
        }
        if !isPassed { throw ExitCode(1) }
    }
}
