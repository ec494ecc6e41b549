import Foundation
import Synchronization
import TestSupport
import Testing

/// One of Examples/verifiers, made ready to run.
struct VerifierExample: Sendable {
    /// How one language's file is run.
    struct Language: Sendable, CustomTestStringConvertible {
        let name: String
        /// That it needs on `PATH`.
        let programs: [String]
        /// With `{examples}` and `{build}` for the two folders; nil if there is nothing to build.
        var build: String?
        let run: String
        /// Besides ES256 and RS256.
        let algorithms: [String]

        var testDescription: String { name }
        var isAtHand: Bool { programs.allSatisfy { CountersignProcess.path(of: $0) != nil } }
    }

    static let languages = [
        Language(
            name: "Node", programs: ["node"], run: "node '{examples}/verifier.mjs'",
            algorithms: ["ES384", "PS256", "EdDSA"]),
        Language(
            name: "Java", programs: ["java", "javac"],
            build: "javac -Xlint:all,-serial -Werror -d '{build}' '{examples}/Verifier.java'",
            run: "java -XX:TieredStopAtLevel=1 -cp '{build}' Verifier", algorithms: ["ES384", "PS256", "EdDSA"]),
        Language(
            name: "Go", programs: ["go"],
            build: "HOME='{build}' GO111MODULE=off go build -o '{build}/verifier' '{examples}/verifier.go'",
            run: "'{build}/verifier'", algorithms: ["ES384", "PS256", "EdDSA"]),
        Language(
            name: "PHP", programs: ["php"], run: "php '{examples}/verifier.php'", algorithms: ["ES384", "EdDSA"]),
        Language(
            name: ".NET", programs: ["dotnet"],
            build: """
                cp '{examples}'/Verifier.cs* '{build}' && cd '{build}' &&
                DOTNET_CLI_HOME='{build}' dotnet build -o out
                """,
            run: "'{build}/out/Verifier'", algorithms: ["ES384", "PS256"]),
        Language(
            name: "Python", programs: ["python3"], run: "'\(CountersignProcess.python)' '{examples}/verifier.py'",
            algorithms: ["ES384", "PS256", "EdDSA"]),
    ]

    let language: Language
    private static let built = Mutex<Set<String>>([])

    /// Builds it, the first time.
    init(_ language: Language) async throws {
        self.language = language
        guard let build = language.build, Self.built.withLock({ $0.insert(language.name).inserted }) else { return }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let built = try await CountersignProcess.run("/bin/sh", ["-c", placed(build)], within: .seconds(240))
        guard built.status == 0 else { throw ProgramFailure(description: built.output) }
    }

    private var folder: String { "\(CountersignProcess.repository)/.build/verifiers/\(language.name)" }

    private func placed(_ command: String) -> String {
        command.replacing("{examples}", with: "\(CountersignProcess.repository)/Examples/verifiers")
            .replacing("{build}", with: folder)
    }

    /// For the shell, without token and audience.
    var command: String { placed(language.run) }

    /// What it says of each token, asked by one process one after another: `good`, `refused` or `unreachable`.
    func words(
        on tokens: [String], audience: String, at countersign: String, issuer: String? = nil,
        verifier: TestVerifier? = nil
    ) async throws -> [String] {
        var settings = ["COUNTERSIGN_URL=\(countersign)"]
        if let issuer { settings.append("COUNTERSIGN_ISSUER=\(issuer)") }
        if let verifier {
            settings += ["COUNTERSIGN_VERIFIER=\(verifier.id)", "COUNTERSIGN_VERIFIER_SECRET=\(verifier.secret)"]
        }
        let run = try await CountersignProcess.run(
            "/usr/bin/env", settings + ["/bin/sh", "-c", "\(command) - \"$0\"", audience],
            input: Array(tokens.joined(separator: "\n").utf8))
        return run.output.split(separator: "\n").map(String.init)
    }
}
