import Foundation
import TestSupport
import Testing

/// `docs/commands.md` has every command of the program, with each of its options: in the command's row, or on a page that the
/// row leads to.
@Suite struct CommandDocumentTests {
    /// What `--experimental-dump-help` says of a command.
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable {
                let kind: String
                let name: String
            }

            let names: [Name]?
            let shouldDisplay: Bool
        }

        let commandName: String
        let arguments: [Argument]?
        let subcommands: [Command]?

        /// The long options, except those that every command has.
        var options: [String] {
            let shown = (arguments ?? []).filter(\.shouldDisplay)
            let names = shown.flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name)
            return names.filter { !["config", "help", "version"].contains($0) }
        }
    }

    private struct Help: Decodable { let command: Command }

    private static func leaves(of command: Command, under path: [String] = []) -> [(path: [String], command: Command)] {
        let below = (command.subcommands ?? []).filter { $0.commandName != "help" }
        guard !below.isEmpty else { return [(path, command)] }
        return below.flatMap { leaves(of: $0, under: path + [$0.commandName]) }
    }

    /// Of a row, and of the pages that it leads to.
    private static func words(of row: Substring) throws -> String {
        try row.matches(of: /\]\(([a-z-]+\.md)/).reduce(String(row)) { words, link in
            words + (try String(contentsOfFile: "\(CountersignProcess.repository)/docs/\(link.1)", encoding: .utf8))
        }
    }

    @Test func hasEveryCommandWithItsOptions() async throws {
        let file = "\(CountersignProcess.repository)/docs/commands.md"
        let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| `countersign ") }
        let help = try await CountersignProcess.run("--experimental-dump-help")
        let commands = Self.leaves(of: try JSONDecoder().decode(Help.self, from: Data(help.output.utf8)).command)
        #expect(commands.count > 20)
        for (path, command) in commands {
            let own = rows.filter { row in
                row.contains("`countersign \(path[0])") && path.dropFirst().allSatisfy { row.contains($0) }
            }
            #expect(!own.isEmpty, "\(path)")
            for option in command.options {
                let isNamed = try own.contains { try Self.words(of: $0).contains("--\(option)") }
                #expect(isNamed, "\(path) --\(option)")
            }
        }
    }
}
