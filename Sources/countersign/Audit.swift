import ArgumentParser
import CountersignService
import Foundation

/// `countersign audit`.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Check the audit stream.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Find lines of audit files that are missing, altered, out of order, there twice or cut off.",
            discussion: """
                Give rotated files from the oldest to the newest; they are one chain. Exits 1 if anything is wrong. Whoever can \
                write the whole file can make a chain that is in order: keep the last hash that this prints elsewhere, and \
                give it with --expect the next time.

                Example:
                  countersign audit verify audit.jsonl.1 audit.jsonl --expect HASH
                """)

        @Argument(help: "The files, from the oldest to the newest.", completion: .file())
        var files: [String]
        @Option(help: ArgumentHelp("The hash of a line that must be there.", valueName: "hash"))
        var expect: String?

        func validate() throws {
            if let expect, expect.wholeMatch(of: /[0-9a-fA-F]{64}/) == nil {
                throw ValidationError("--expect takes 64 hexadecimal digits, as this command prints them.")
            }
        }

        func run() async throws {
            var verification = AuditVerification(expecting: expect)
            for file in files { verification.read(file) }
            let verdict = verification.finish()
            guard StandardOutput.write(Array((verdict.text + "\n").utf8)), verdict.isGood else { throw ExitCode(1) }
        }
    }
}
