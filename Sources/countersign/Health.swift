import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign health`.
struct Health: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say whether the running service is ready.",
        discussion: """
            Asks /readyz of the operations listener that the configuration names, on this machine. Exits 0 if it says `ready` or \
            `degraded`, else 1, with one line on standard error. Reads the configuration file alone: no secret and no key. The \
            listener's certificate is not checked, as nothing confidential is sent.

            For health checks of containers and process managers, every few seconds. Example:
              countersign health --config /etc/countersign/countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Option(help: ArgumentHelp("How long to wait for the answer.", valueName: "duration"))
    var timeout = LifetimeArgument(duration: .seconds(3))
    @Option(
        help: ArgumentHelp(
            "PEM file with a certificate to show, if `listen.operations.client_certificates` asks for one.",
            valueName: "file"))
    var clientCertificate: String?
    @Option(help: ArgumentHelp("PEM file with its private key.", valueName: "file"))
    var clientKey: String?

    func validate() throws {
        guard (clientCertificate == nil) == (clientKey == nil) else {
            throw ValidationError("expected --client-certificate and --client-key together, found one of them")
        }
    }

    func run() async throws {
        let client = clientCertificate.flatMap { certificate in
            clientKey.map { TLSFiles(certificateChain: certificate, privateKey: $0) }
        }
        try await config.reporting {
            print(try await config.healthCheck(as: client, within: timeout.duration).report())
        }
    }
}
