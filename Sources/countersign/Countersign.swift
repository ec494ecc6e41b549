import ArgumentParser
import CountersignService
import Glibc

/// The program. Each file of this target is one command: its options and help, and a call of ``CountersignService``,
/// which has the logic.
@main
struct Countersign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "countersign",
        abstract: "Exchanges NewStore identity tokens for external identities.",
        discussion: """
            After a store associate logs in, the Associate App posts the token that NewStore issued to one callback URL per \
            identity provider. Countersign checks that the token is genuine, mints an external identity and stores the session.

            First steps:
              countersign init --realm acme-staging
              countersign serve --config countersign.yaml
              countersign doctor --config countersign.yaml

            Exits 0 if all is well, 1 if something has to be put right (standard error says what), and 64 if the command \
            line is wrong.
            """,
        version: VersionReport(commit: builtCommit).text,
        subcommands: [
            Init.self, Serve.self, CheckConfig.self, Doctor.self, Keys.self, Sessions.self, Token.self, JWS.self,
            AppConfig.self, MakeVerifierKit.self, Upstream.self, Attack.self, Probe.self, Health.self, Support.self,
            Audit.self, Plan.self,
        ])

    /// Catches signals before anything else: a signal in the first moments must neither be lost nor kill the service.
    static func main() async {
        // Swift reads them there, and would run without any.
        guard !CommandLine.arguments.isEmpty else {
            StandardError.write(Array("expected /proc to be mounted, with the arguments of this process in it\n".utf8))
            _exit(1)
        }
        if CommandLine.arguments.dropFirst().first == "serve" { ProcessSignals.hold() }
        await main(nil)
    }
}
