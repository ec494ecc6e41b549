import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign keys`.
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, show, rotate and revoke the signing keys.",
        discussion: """
            A key is published, then active, then retiring, then gone. It does not sign before every verifier can have \
            fetched it, and does not leave the JWK set before its last token has expired. Running services notice a change \
            within seconds.
            """,
        subcommands: [
            Generate.self, List.self, Activate.self, Retire.self, Revoke.self, Advance.self, Rehearse.self,
        ])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a signing key in `signing.directory`.",
            discussion: """
                The first key of an algorithm is active at once, a further one is published. Only its owner can read the \
                file (0600). If there is a key file of this algorithm that the manifest does not list yet, it is added instead.

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
                Reads only the manifest and the names of the key files, and no secret; `check-config` reads the files. The \
                drawing shows what the manifest knows of the past, and what `keys advance` will do.

                Examples:
                  countersign keys list --config countersign.yaml
                  countersign keys list --svg keys.svg --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @OptionGroup var drawing: DrawingOption
        @Flag(help: "Print a JSON list.")
        var json = false

        func run() async throws {
            try await config.reporting {
                let commands = try await config.keyCommands()
                print(try commands.list(asJSON: json))
                try drawing.write { try commands.drawing() }
            }
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a published key sign; the key that signed before is then retiring.",
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
            abstract: "Stop a key from signing.",
            discussion: """
                An active key is replaced by the published one that is due first; a published key is withdrawn; a retiring \
                key stays in the JWK set until its tokens have expired, unless forced out.

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
                "Revoke a compromised key: it stops signing, leaves the JWK set, and its tokens end at once.",
            discussion: """
                If it was active, the best other key signs from then on, a new one if there is none. On a terminal it says \
                what breaks and asks; elsewhere it acts at once. If only one of key directory and session store can be \
                changed, it changes that one, exits 1 and says what is left to do.

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
                let sessions = try await config.sessionCommands()
                print(try await commands.revoke(ExactText(kid), sessions: sessions))
            }
        }
    }

    struct Advance: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Take every step of the rotation that is due: make a key, let it sign, remove an old one, or nothing.",
            discussion: """
                Follows `signing.rotation`. Made for cron: it does nothing until the next step is due. Reads no secret except \
                `signing.passphrase`, and that only if keys are encrypted.

                Example, for cron:
                  17 * * * *  countersign keys advance --config /etc/countersign/countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Flag(help: "Only say what would be done.")
        var dryRun = false

        func run() async throws {
            try await config.reporting { print(try await config.keyCommands().advance(isDryRun: dryRun)) }
        }
    }

    struct Rehearse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a rotation and an emergency with a simulated clock, and print what a verifier would see.",
            discussion: """
                Uses the times of the configuration, and new keys in a temporary directory; does not touch \
                `signing.directory`. Exits 1 if the verifier refused a token in the rotation. Reads no secret. The \
                drawing has the days on which all of this would happen if it began today.

                Examples:
                  countersign keys rehearse --config countersign.yaml
                  countersign keys rehearse --svg rehearsal.svg --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @OptionGroup var drawing: DrawingOption

        func run() async throws {
            let isGood = try await config.reporting {
                let outcome = try KeyRehearsal(try await config.load(), now: TimeSource.system.now()).run()
                print(outcome.text)
                try drawing.write { outcome.drawing }
                return outcome.refusedInRotation == 0
            }
            if !isGood { throw ExitCode(1) }
        }
    }
}

extension ConfigurationOption {
    /// At the machine's time.
    fileprivate func keyCommands() async throws -> SigningKeyCommands {
        SigningKeyCommands(try await load(), file: file, time: .system)
    }
}

extension SignatureAlgorithm: ExpressibleByArgument {
    /// By its JOSE name; `Ed25519` as well.
    package init?(argument: String) {
        self.init(name: ExactText(argument))
    }
}
