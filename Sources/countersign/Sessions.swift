import ArgumentParser
import CountersignService
import FoundationEssentials
import Logging
import ServiceConfiguration
import TokenExchange

/// `countersign sessions`.
struct Sessions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a session, and end many at once.", subcommands: [Revoke.self, Show.self])

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End all sessions that have something in common, on all replicas.",
            discussion: """
                Takes effect within five seconds, also for logins in progress. Costs the same for one session and for a \
                million. Later logins are not affected. Needs the store that the service uses, and reads only its password.

                Example, for a device that was stolen:
                  countersign sessions revoke --device till-1 --config countersign.yaml
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "The `sub` of the associate, in any tenant.")
        var subject: String?
        @Option(help: "The device, as the app names it.")
        var device: String?
        @Option(help: "The tenant, by its name in the configuration.")
        var tenant: String?
        @Option(help: "The identity provider.")
        var identityProvider: String?
        @Option(
            help: "The `kid` of the key that signed the tokens. Without --issued-before, the key itself is revoked.")
        var keyId: String?
        @Flag(help: "All sessions. Asks on a terminal.")
        var all = false
        @Option(help: "Only sessions issued until then: 2026-11-22T16:00:00Z, or whole seconds of Unix time.")
        var issuedBefore: MomentArgument?
        @Flag(help: "Do not ask.")
        var yes = false

        func validate() throws {
            if cohorts.count != 1 {
                throw ValidationError(
                    "Name exactly one of --subject, --device, --tenant, --identity-provider, --key-id and --all.")
            }
        }

        func run() async throws {
            try await config.reporting {
                let commands = try await config.sessionCommands()
                if all, !yes, Confirmation.canAsk { try Confirmation.ask("Every associate will have to log in again.") }
                print(try await commands.revoke(cohorts[0], issuedBefore: issuedBefore?.time))
            }
        }

        private var cohorts: [Cohort] {
            let named: [(Cohort.Kind, String?)] = [
                (.subject, subject), (.device, device), (.tenant, tenant), (.identityProvider, identityProvider),
                (.keyID, keyId), (.all, all ? "" : nil),
            ]
            return named.compactMap { kind, value in value.flatMap { Cohort(kind, ExactText($0)) } }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the session of an external identity.",
            discussion: """
                Reads the external identity from standard input and prints its session, never the token. Needs the store \
                that the service uses, and reads only its password. Exits 1 if the store cannot be reached.

                Example:
                  countersign sessions show --config countersign.yaml < external-identity.txt
                """)

        @OptionGroup var config: ConfigurationOption

        func run() async throws {
            try await config.reporting {
                let commands = try await config.sessionCommands()
                print(try await commands.show(ExternalIdentity(bytes: StandardInput.readToken())))
            }
        }
    }
}

extension ConfigurationOption {
    /// At the machine's time; standard error is their log.
    func sessionCommands() async throws -> SessionCommands {
        let configuration = try await load()
        let logger = Logger(configuration.log, now: TimeSource.system.now) { line, _ in StandardError.write(line) }
        return SessionCommands(configuration, time: .system, logger: logger)
    }
}

/// A moment as RFC 3339, or in whole seconds of Unix time.
struct MomentArgument: ExpressibleByArgument {
    let time: UnixTime

    /// Nil for other text.
    init?(argument: String) {
        if let seconds = UnixTime(decimal: argument.utf8) {
            time = seconds
        } else if let date = try? Date(argument, strategy: .iso8601) {
            time = UnixTime(seconds: date.timeIntervalSince1970)
        } else {
            return nil
        }
    }
}
