import ArgumentParser
import CountersignService
import Foundation
import TokenExchange

/// `countersign jws`.
struct JWS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jws", abstract: "Check signatures.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a compact JWS on standard input and print its payload.",
            discussion: """
                The payload may be anything; claims are not checked. One newline at the end of the input is ignored. If the \
                signature is good under a key of the set, writes the payload's bytes and exits 0; else exits 1 with one word \
                on standard error:

                \(JWSFault.allCases.map { "  \($0.rawValue): \($0.meaning)" }.joined(separator: "\n"))

                Example:
                  countersign jws verify --jwks jwks.json --algorithm ES256 < token.txt
                """)

        @Option(name: .customLong("jwks"), help: ArgumentHelp("The JWK set (RFC 7517).", valueName: "file"))
        var keySet: String
        @Option(
            name: .customLong("algorithm"), parsing: .singleValue,
            help: "An allowed algorithm; may be repeated. Default: all. none and HS256 to HS512 are never allowed.")
        var algorithms: [SignatureAlgorithm] = []

        func run() async throws {
            let payload: [UInt8]
            do throws(JWSFault) { payload = try verifiedPayload() } catch {
                StandardError.write(Array("\(error.rawValue)\n".utf8))
                throw ExitCode(1)
            }
            guard StandardOutput.write(payload) else { throw ExitCode(1) }
        }

        private func verifiedPayload() throws(JWSFault) -> [UInt8] {
            guard let document = try? Data(contentsOf: URL(filePath: keySet)) else { throw .keySet }
            let verification = try JWSVerification(keySet: Array(document), algorithms: algorithms)
            // One newline may follow the longest JWS.
            return try verification.payload(of: StandardInput.read(upTo: JWSVerification.byteLimit + 1))
        }
    }
}
