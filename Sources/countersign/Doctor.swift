import ArgumentParser
import CountersignService

/// `countersign doctor`.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check a whole deployment, and say what to mend.",
        discussion: """
            Checks what `check-config` checks, and then other servers as the service uses them: fetches issuers' key sets, \
            compares clocks, writes to the session store and reads again, asks Redis how it keeps data, asks the public URL for \
            our key set, asks internal services whether they are there. Prints a line for each check, `pass`, `warn` or `fail`, \
            with the remedy. Exits 1 if a check failed. Takes some seconds at most. Prints no secret and no token.

            Run it as the service's user, with its environment, where the service runs. A firewall may hide the public URL there.

            Example:
              countersign doctor --config countersign.yaml
            """)

    @OptionGroup var config: ConfigurationOption
    @Flag(help: "Print a JSON object.")
    var json = false
    @Option(
        help: ArgumentHelp(
            "PEM file with the authorities of the public URL's certificate. Default: the system's.", valueName: "file"))
    var caFile: String?

    func run() async throws {
        let isWell = try await config.reporting {
            let report = await (try await config.checkup(authorities: caFile)).report()
            print(json ? report.json : report.text)
            return report.isWell
        }
        if !isWell { throw ExitCode(1) }
    }
}
