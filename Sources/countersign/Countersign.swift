import ArgumentParser
import CountersignService

@main
struct Countersign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "countersign",
        abstract: "Exchanges NewStore identity tokens for external identities.",
        discussion: """
            After a store associate logs in, the Associate App posts the token that NewStore issued to a callback URL per \
            identity provider. Countersign proves the token genuine, mints an external identity and records the session.

            First steps:
              countersign keys generate --config countersign.yaml
              countersign check-config --config countersign.yaml
              countersign serve --config countersign.yaml

            Exits 0 where all is well, 1 where something has to be mended, which standard error then names, and 64 where \
            the command line is wrong.
            """,
        version: "countersign 1.0.0",
        subcommands: [
            Serve.self, CheckConfig.self, Keys.self, Sessions.self, Token.self, JWS.self, AppConfig.self,
            MakeVerifierKit.self, Upstream.self,
        ])

    static func main() async {
        // Before anything else: a signal in the first moments must neither be lost nor kill the service.
        if CommandLine.arguments.dropFirst().first == "serve" { ProcessSignals.hold() }
        await main(nil)
    }
}
