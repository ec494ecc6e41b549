import Glibc
package import TokenExchange

/// What a verifier under test finds in its environment.
package enum KitSetting: String {
    /// Where the kit's key set and introspection are.
    case url = "COUNTERSIGN_URL"
    /// The `iss` of the kit's tokens.
    case issuer = "COUNTERSIGN_ISSUER"
    /// The id with which it asks; absent if it is to go by the key set.
    case verifier = "COUNTERSIGN_VERIFIER"
    case secret = "COUNTERSIGN_VERIFIER_SECRET"
}

/// Somebody's verifier as a command of the shell. Exit status 0 accepts a token, 1 to 125 reject it.
package struct KitCommand: Sendable {
    /// What became of one token.
    enum Verdict: Equatable {
        case accepted
        case rejected
        /// It gave no verdict: why.
        case none(String)
    }

    private let template: String
    private let environment: [String: String]
    private let timeLimit: Duration
    private let showsOutput: Bool
    private let time: TimeSource

    /// - Parameters:
    ///   - template: with `{token}` and, where the verifier wants it, `{audience}`.
    ///   - environment: what the command inherits.
    ///   - timeLimit: for one token; then the command and what it has started are killed.
    ///   - showsOutput: whether what it prints is shown, else it is thrown away.
    /// - Throws: ``StartUpError`` if the template has no place for a token.
    package init(
        _ template: String, environment: [String: String], timeLimit: Duration, showsOutput: Bool, time: TimeSource
    ) throws {
        guard template.contains("{token}") else {
            throw StartUpError(["--run: expected a command with {token} where the token goes, found none"])
        }
        self.template = template
        self.environment = environment
        self.timeLimit = timeLimit
        self.showsOutput = showsOutput
        self.time = time
    }

    /// - Parameter settings: a setting that is not among them is not inherited either.
    func verdict(on token: [UInt8], audience: ExactText, settings: [KitSetting: String]) async throws -> Verdict {
        let command =
            template
            .replacing("{token}", with: Self.word(String(decoding: token, as: UTF8.self)))
            .replacing("{audience}", with: Self.word(String(audience)))
        var variables = environment.filter { KitSetting(rawValue: $0.key) == nil }
        for (setting, value) in settings { variables[setting.rawValue] = value }
        let process = try start(command, variables)
        let end = time.elapsed() + timeLimit
        var status: CInt = 0
        while true {
            switch waitpid(process, &status, WNOHANG) {
            case 0 where time.elapsed() < end && !Task.isCancelled: try? await Task.sleep(for: .milliseconds(5))
            case 0:
                kill(-process, SIGKILL)
                while waitpid(process, &status, 0) < 0 && errno == EINTR {}
                return .none("longer than \(timeLimit / .seconds(1)) s")
            case -1 where errno != EINTR: return .none("lost")
            case -1: continue
            default: return Self.verdict(status)
            }
        }
    }

    private static func verdict(_ status: CInt) -> Verdict {
        guard status & 0x7F == 0 else { return .none("signal \(status & 0x7F)") }
        switch status >> 8 & 0xFF {
        case 0: return .accepted
        case 1...125: return .rejected
        case let code: return .none("exit status \(code)")
        }
    }

    /// As one word of the shell; unchanged if it is one anyhow, so that it may stand between quotes.
    private static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_.~:/@+".utf8.contains(byte)
            }
        }
        return isPlain && !text.isEmpty ? text : "'\(text.replacing("'", with: #"'\''"#))'"
    }

    /// In a group of its own, so that what it starts can be killed with it.
    private func start(_ command: String, _ environment: [String: String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        for output in showsOutput ? [] : [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0)
        }
        let words: [String] = ["sh", "-c", command]
        let arguments = words.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in arguments + variables { free(string) } }
        var process: pid_t = 0
        let problem = posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments, variables)
        guard problem == 0 else {
            throw StartUpError(["/bin/sh does not start: \(String(cString: strerror(problem)))"])
        }
        return process
    }
}
