import Foundation
import TestSupport
import Testing

/// `countersign verifier-kit --run`: which verifiers pass, and what it says of those that do not.
@Suite struct KitTrialTests {
    private static let audience = "it's $(touch /tmp/no) \"quoted\""
    private static let verifier =
        "'\(CountersignProcess.python)' '\(CountersignProcess.repository)/Examples/verifiers/verifier.py'"
    private let folder: TemporaryFolder

    init() throws {
        var settings = CountersignProcess.Settings()
        settings.providers = CountersignProcess.Settings.provider(
            "vip-loyalty", token: "kind: jwt, audience: '\(Self.audience.replacing("'", with: "''"))'")
        folder = try CountersignProcess.prepare(settings)
    }

    private func trial(_ command: String, _ more: String...) async throws -> (status: Int, lines: [String]) {
        let result = try await CountersignProcess.run(
            CountersignProcess.program,
            ["verifier-kit", "--config", "\(folder.path)/countersign.yaml", "--run", command] + more,
            within: .seconds(120))
        return (result.status, result.output.split(separator: "\n").map(String.init))
    }

    @Test func passesNobodyWhoAcceptsEverything() async throws {
        let result = try await trial("true {token} {audience}")
        #expect(result.status == 1 && result.lines.count == 14)
        #expect(result.lines[0].hasPrefix("pass  vip-loyalty/good ") && result.lines[0].hasSuffix(" accept"))
        let expired = try #require(result.lines.first { $0.contains("/expired") })
        #expect(expired.hasPrefix("FAIL ") && expired.hasSuffix("expected reject, found accept. exp has passed."))
        #expect(result.lines[12].hasPrefix("It did not ask at COUNTERSIGN_URL"))
        #expect(result.lines[13] == "2 of 12 verdicts are right.")
    }

    @Test func passesNobodyWhoRejectsEverything() async throws {
        let result = try await trial("false {token}")
        #expect(result.status == 1 && result.lines.last == "10 of 12 verdicts are right.")
        #expect(result.lines[0].contains("FAIL  vip-loyalty/good") && result.lines[0].contains("found reject"))
    }

    @Test(arguments: [
        ("exit 125 # {token}", "10 of 12", "reject"), ("exit 126 # {token}", "0 of 12", "no verdict: exit status 126"),
        ("no-such-program {token}", "0 of 12", "no verdict: exit status 127"),
        ("kill -9 $$ # {token}", "0 of 12", "no verdict: signal 9"),
    ])
    func takesOnlyAnAnswerForOne(command: String, sum: String, found: String) async throws {
        let result = try await trial(command)
        #expect(result.status == 1 && result.lines.last == "\(sum) verdicts are right.")
        #expect(result.lines[0].contains("expected accept, found \(found)."))
    }

    /// What it has started ends with it.
    @Test func waitsForNobodyForEver() async throws {
        let file = "\(folder.path)/started"
        let hangsOnce = "[ -e '\(file)' ] && exit 1; sleep 600 & echo $! > '\(file)'; wait # {token}"
        let result = try await trial(hangsOnce, "--time-limit", "1s")
        #expect(result.status == 1 && result.lines[0].contains("no verdict: longer than 1.0 s"))
        #expect(result.lines.last == "10 of 12 verdicts are right.")
        let started = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").compactMap { pid_t($0) }
        #expect(started.count == 1)
        for process in started {
            try await eventually("a process that the command started is gone") {
                let state = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
                return state?.contains("(sleep)") != true || state?.contains(") Z ") == true
            }
        }
    }

    @Test func handsTokenAndAudienceOverAsTheyAre() async throws {
        let seen = "\(folder.path)/seen"
        _ = try await trial("printf '%s\\n' {audience} >> '\(seen)'; printf '%s' '{token}' >> '\(seen)'")
        let text = try String(contentsOfFile: seen, encoding: .utf8)
        #expect(text.hasPrefix(Self.audience + "\neyJ") && !FileManager.default.fileExists(atPath: "/tmp/no"))
    }

    /// A verifier that takes an outage for a good token.
    @Test(arguments: [[], ["--introspection"]]) func findsWhoAcceptsWhatNobodyConfirmed(mode: [String]) async throws {
        let command = "\(Self.verifier) {token} {audience}; [ $? -ne 1 ]"
        let arguments =
            ["verifier-kit", "--config", "\(folder.path)/countersign.yaml", "--run", command, "--time-limit", "60s"]
            + mode
        let result = try await CountersignProcess.run(
            CountersignProcess.program, arguments, within: .seconds(120))
        let failed = result.output.split(separator: "\n").filter { $0.hasPrefix("FAIL") }
        #expect(result.status == 1 && failed.count == 4, "\(result.output)")
        for name in ["countersign_fails", "answer_is_a_page", "answer_is_empty", "countersign_away"] {
            #expect(failed.contains { $0.contains(name) && $0.contains("expected reject, found accept") })
        }
    }

    /// Only who asks can know that a session has ended, and has to look whose the token is all the same.
    @Test func knowsSessionsThatHaveEnded() async throws {
        let byKeySet = try await trial(
            "env -u COUNTERSIGN_VERIFIER \(Self.verifier) {token} {audience}", "--introspection")
        #expect(byKeySet.status == 1 && byKeySet.lines.filter { $0.hasPrefix("FAIL") }.count == 1)
        #expect(byKeySet.lines.contains { $0.hasPrefix("FAIL") && $0.contains("/revoked") })
    }

    @Test func inheritsNoSettingOfAnotherVerifier() async throws {
        let file = "\(folder.path)/settings"
        let result = try await CountersignProcess.run(
            "/usr/bin/env",
            [
                "COUNTERSIGN_VERIFIER=x", "COUNTERSIGN_VERIFIER_SECRET=y", "COUNTERSIGN_URL=z", "OTHER=kept",
                CountersignProcess.program, "verifier-kit", "--config", "\(folder.path)/countersign.yaml", "--run",
                "env > '\(file)' # {token}",
            ])
        #expect(result.status == 1)
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines.contains("OTHER=kept") && lines.contains("COUNTERSIGN_ISSUER=http://127.0.0.1:8080"))
        #expect(lines.contains { $0.hasPrefix("COUNTERSIGN_URL=http://127.0.0.1:") })
        #expect(!lines.contains { $0.hasPrefix("COUNTERSIGN_VERIFIER") })
    }

    @Test func saysWhatItNeeds() async throws {
        let nothing = try await CountersignProcess.run(
            "verifier-kit", "--config", "\(folder.path)/countersign.yaml")
        #expect(nothing.status == 64 && nothing.output.contains("expected --run with a command, --out with a folder"))
        let noToken = try await trial("true {audience}")
        #expect(
            noToken.status == 1
                && noToken.lines == ["--run: expected a command with {token} where the token goes, found none"])
        let both = try await trial("true {token}", "--out", "\(folder.path)/kit")
        #expect(both.lines.first?.contains("12 tokens") == true && both.lines.count == 15)
    }
}
