import ArgumentParser
import CountersignService
import TokenExchange

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, show, rotate and revoke the signing keys.",
        discussion: """
            A key is published, then active, then retiring, then gone. It does not sign before every verifier can have \
            fetched it, and does not leave the JWK set before its last token has expired. Services take up a change within \
            seconds, without a restart.
            """,
        subcommands: [
            Generate.self, List.self, Activate.self, Retire.self, Revoke.self, Advance.self, Rehearse.self,
        ])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a signing key in `signing.directory`.",
            discussion: """
                The first key of an algorithm is active at once, a further one is published. The file is readable by its \
                owner only (0600). A key file of the algorithm that the manifest does not list yet is taken up instead.

                Example:
                  countersign keys generate --algorithm ES256 --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "One of \(SignatureAlgorithm.minting.map(\.rawValue).joined(separator: ", ")).")
        var algorithm: SignatureAlgorithm = .es256

        func run() async throws {
            try await config.reporting { print(try await config.keyCommands().generate(algorithm)) }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the signing keys: id, algorithm, state, and the times that matter.",
            discussion: """
                By the manifest and the names of the key files; `check-config` looks into them. Reads no secret.

                Example:
                  countersign keys list --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Flag(help: "Print a JSON list.")
        var json = false

        func run() async throws {
            try await config.reporting { print(try await config.keyCommands().list(asJSON: json)) }
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a published key sign; the one that did is retiring.",
            discussion: """
                Refused while verifiers may hold a JWK set without the key, unless forced.

                Example:
                  countersign keys activate KID --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @OptionGroup var force: ForceOption
        @Argument(help: "The key's id.")
        var kid: String

        func run() async throws {
            try await config.reporting {
                let commands = try await config.keyCommands()
                if force.force { try force.confirm(try commands.harm(ofForcing: .activate(keyID: ExactText(kid)))) }
                print(try commands.activate(ExactText(kid), isForced: force.force))
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have a key sign no more.",
            discussion: """
                An active key is relieved by the published one that is due first; a published one is withdrawn; a retiring \
                one stays in the JWK set until its tokens are dead, unless forced out.

                Example:
                  countersign keys retire KID --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @OptionGroup var force: ForceOption
        @Argument(help: "The key's id.")
        var kid: String

        func run() async throws {
            try await config.reporting {
                let commands = try await config.keyCommands()
                if force.force { try force.confirm(try commands.harm(ofForcing: .retire(keyID: ExactText(kid)))) }
                print(try commands.retire(ExactText(kid), isForced: force.force))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "For a key that is compromised: it signs no more, leaves the JWK set, and its tokens are dead at once.",
            discussion: """
                Where it was active, the best other key signs from then on, a new one if need be. On a terminal it says what \
                breaks and asks; elsewhere it acts at once. Key directory and session store are changed each though the \
                other cannot be; it then exits 1 and says what is left to do.

                Example:
                  countersign keys revoke KID --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Flag(help: "Do not ask.")
        var yes = false
        @Argument(help: "The key's id.")
        var kid: String

        func run() async throws {
            try await config.reporting {
                let commands = try await config.keyCommands()
                if !yes, Confirmation.canAsk, let harm = commands.harm(ofRevoking: ExactText(kid)) {
                    try Confirmation.ask(harm)
                }
                let sessions = SessionCommands(try await config.load(), time: .system)
                print(try await commands.revoke(ExactText(kid), sessions: sessions))
            }
        }
    }

    struct Advance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Take whatever step of the rotation is due: make a key, have it sign, remove an old one, or nothing.",
            discussion: """
                By `signing.rotation`. Made for cron: run again, it does nothing until the next step is due. Reads no \
                secret but `signing.passphrase`, and that only where keys are encrypted.

                Example, for cron:
                  17 * * * *  countersign keys advance --config /etc/countersign/countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Flag(help: "Say what would be done, and do nothing.")
        var dryRun = false

        func run() async throws {
            try await config.reporting { print(try await config.keyCommands().advance(isDryRun: dryRun)) }
        }
    }

    struct Rehearse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a rotation and an emergency with a simulated clock, and print what a verifier would see.",
            discussion: """
                With the times of the configuration, with new keys in a temporary directory; `signing.directory` is not \
                touched. Exits 1 if the verifier refused a token in the rotation. Reads no secret.

                Example:
                  countersign keys rehearse --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption

        func run() async throws {
            let isGood = try await config.reporting {
                let outcome = try KeyRehearsal(try await config.load(), now: TimeSource.system.now()).run()
                print(outcome.text)
                return outcome.refusedInRotation == 0
            }
            if !isGood { throw ExitCode(1) }
        }
    }
}

extension ConfigurationOption {
    fileprivate func keyCommands() async throws -> SigningKeyCommands {
        SigningKeyCommands(try await load(), file: file, time: .system)
    }
}

extension SignatureAlgorithm: ExpressibleByArgument {
    package init?(argument: String) {
        self.init(name: ExactText(argument))
    }
}
