import ArgumentParser
import CountersignService
import TokenExchange

/// `countersign support`.
struct Support: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell from log files what became of a request, by its support code.",
        subcommands: [Story.self, Hash.self], defaultSubcommand: Story.self)

    struct Story: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Find a request and tell its story. Needs no name: this is what `countersign support` does.",
            discussion: """
                The code is the `request_id` of an answer and its header X-Request-Id; the demo page shows it. Says what came \
                when, what was decided, by which rule, and what to do; then what the same associate and device did around it, \
                if `log.correlation_key` is set. Files are read as a stream, in either form of log. Exits 1 if no line has \
                the code.

                Example:
                  countersign support 8f14e45fceea167a00000000000004d2 /var/log/countersign/*.log
                  zcat countersign.log.1.gz | countersign support 8f14e45fceea167a00000000000004d2 -
                """)

        @Option(help: "How long before and after the request to look: 90s, 15m, 2h.")
        var around: LifetimeArgument = LifetimeArgument(duration: .seconds(900))
        @Argument(help: "The support code.")
        var code: String
        @Argument(help: ArgumentHelp("Log files; - is standard input.", valueName: "file"))
        var files: [String]

        func run() async throws {
            do {
                print(try SupportStory(code: code, paths: files, span: around.duration).text)
            } catch {
                StandardError.write(Array((StartUpError(error).problems.joined(separator: "\n") + "\n").utf8))
                throw ExitCode(1)
            }
        }
    }

    struct Hash: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the hash that the log has for an associate or a device, to search with.",
            discussion: """
                Reads the `sub`, or with --device the device, from standard input: one line, which other users of the machine \
                cannot see. Reads only `log.correlation_key` of the secrets.

                Example:
                  countersign support hash --tenant acme-staging --config countersign.yaml < sub.txt
                """)

        @OptionGroup var config: ConfigurationOption
        @Option(help: "The tenant of the associate. Default: a line for each tenant.")
        var tenant: String?
        @Flag(help: "It is a device, not an associate.")
        var device = false

        func run() async throws {
            try await config.reporting {
                let hashes = try SupportHashes(try await config.load())
                let value = ExactText(bytes: StandardInput.readLine())
                print(
                    try device
                        ? hashes.device(value) : hashes.subject(value, tenant: tenant.map { ExactText($0) }))
            }
        }
    }
}
