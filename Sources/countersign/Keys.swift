import ArgumentParser
import CountersignService
import TokenExchange

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make and show the signing keys.",
        subcommands: [Generate.self, List.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a signing key in `signing.directory`.",
            discussion:
                "The first key of an algorithm is active at once. The file is readable by its owner only (0600).")

        @OptionGroup var config: ConfigurationOption
        @Option(help: "One of \(SignatureAlgorithm.minting.map(\.rawValue).joined(separator: ", ")).")
        var algorithm: SignatureAlgorithm = .es256

        func run() async throws {
            try await reportingStartUpErrors {
                print(try SigningKeyCommands(try config.load()).generate(algorithm))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the signing keys: id, algorithm, state, file.")

        @OptionGroup var config: ConfigurationOption

        func run() async throws {
            try await reportingStartUpErrors { print(try SigningKeyCommands(try config.load()).list()) }
        }
    }
}

extension SignatureAlgorithm: ExpressibleByArgument {
    package init?(argument: String) {
        self.init(rawValue: argument)
    }
}
