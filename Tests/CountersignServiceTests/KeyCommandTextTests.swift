import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What the commands `countersign keys …` do and say, at a clock that stands still.
@Suite struct KeyCommandTextTests {
    private let folder: TemporaryFolder
    private let configuration: Configuration
    private let clock = ManualClock()
    private let commands: SigningKeyCommands

    init() throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        folder = try CountersignProcess.prepare(settings)
        configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        commands = SigningKeyCommands(configuration, file: "my.yaml", time: clock.time)
    }

    private struct Entry: Equatable {
        let keyID: ExactText
        let state: String
    }

    private func entries() throws -> [Entry] {
        guard case .array(let keys) = try JSONValue(parsing: Array(try commands.list(asJSON: true).utf8)) else {
            return []
        }
        return keys.map { Entry(keyID: $0["kid"]?.string ?? "", state: $0["state"]?.string.map { String($0) } ?? "") }
    }

    private var states: [String] { get throws { try entries().map(\.state) } }

    // MARK: Making and showing keys

    @Test func makesTheFirstKeyActiveAndTheNextOnePublished() throws {
        let first = try commands.generate(.es256)
        #expect(first.hasPrefix("ES256 key ") && first.hasSuffix(" is active"))
        let second = try commands.generate(.es256)
        // The JWK set may be kept for ten minutes, and a change be noticed two minutes late.
        #expect(second.hasSuffix(" is published; it may sign from 2025-11-24T17:12:00Z on"), "\(second)")
        #expect(try states == ["active", "published"])
        #expect(try commands.generate(.edDSA).hasPrefix("EdDSA key "))
    }

    @Test func showsATableForPeople() throws {
        _ = try commands.generate(.es256)
        _ = try commands.generate(.es256)
        let lines = try commands.list(asJSON: false).split(separator: "\n")
        let columns = lines.map { $0.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) } }
        #expect(columns[0] == ["KID", "ALGORITHM", "STATE", "SINCE", "MAY SIGN FROM", "TOKENS DIE BY"])
        #expect(lines.count == 3 && columns[1][1...3] == ["ES256", "active", "2025-11-24T17:00:00Z"])
        #expect(columns[2][4...] == ["2025-11-24T17:12:00Z", "-"])
    }

    @Test func showsAListForPrograms() throws {
        _ = try commands.generate(.es256)
        guard case .array(let keys) = try JSONValue(parsing: Array(try commands.list(asJSON: true).utf8)),
            case .object(let members) = try #require(keys.first)
        else {
            Issue.record("no list of objects")
            return
        }
        #expect(
            members.map(\.name) == [
                "kid", "algorithm", "state", "since", "may_sign_from", "tokens_die_by", "forced", "file",
            ])
        #expect(keys[0]["forced"] == .bool(false) && keys[0]["tokens_die_by"] == .null)
    }

    @Test func notesFilesThatAreMissingOrNotListed() throws {
        _ = try commands.generate(.es256)
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/signing").first { $0.hasSuffix(".pem") }
        )
        let other = "ES256-\(name.dropFirst(6).hasPrefix("A") ? "B" : "A")\(name.dropFirst(7))"
        try FileManager.default.moveItem(
            atPath: "\(folder.path)/signing/\(name)", toPath: "\(folder.path)/signing/\(other)")
        let notes = try commands.list(asJSON: false).split(separator: "\n").filter { $0.hasPrefix("note: ") }
        #expect(notes.contains { $0.hasSuffix("\(name): in the manifest, but the file is missing") })
        #expect(notes.contains { $0.contains("\(other): not in the manifest, so not used") })
    }

    @Test func namesTheConfigurationInCommandsThatItProposes() throws {
        let error = #expect(throws: StartUpError.self) { try commands.list(asJSON: false) }
        #expect(error.text.contains("countersign keys generate --config my.yaml"))
    }

    // MARK: Rotation by hand

    @Test func letsAKeySignOnlyOnceVerifiersCanKnowIt() throws {
        _ = try commands.generate(.es256)
        _ = try commands.generate(.es256)
        let second = try entries()[1].keyID
        #expect(throws: StartUpError.self) { try commands.activate(second, isForced: false) }
        clock.advance(by: .seconds(719))
        #expect(throws: StartUpError.self) { try commands.activate(second, isForced: false) }
        #expect(try states == ["active", "published"])
        clock.advance(by: .seconds(1))
        let text = try commands.activate(second, isForced: false)
        #expect(text.contains("\(second) is active") && text.contains("is retiring; its tokens expire by "))
        #expect(try states == ["retiring", "active"])
        #expect(try commands.activate(second, isForced: false) == "Nothing to do: it is so already.")
    }

    @Test func saysWhatForceBreaksAndUntilWhen() throws {
        _ = try commands.generate(.es256)
        _ = try commands.generate(.es256)
        let (first, second) = (try entries()[0].keyID, try entries()[1].keyID)
        let early = try #require(try commands.harm(ofForcing: .activate(keyID: second)))
        #expect(early.contains("JWK set without key \(second): until 2025-11-24T17:12:00Z they will refuse"))
        #expect(try commands.harm(ofForcing: .retire(keyID: second)) == nil, "it has signed nothing")
        _ = try commands.activate(second, isForced: true)
        // Three hours of tokens, two minutes until the last replica notices, half a minute of clock skew.
        let late = try #require(try commands.harm(ofForcing: .retire(keyID: first)))
        #expect(late.contains("until 2025-11-24T20:02:30Z tokens that are still good will be refused"), "\(late)")
        clock.advance(by: .seconds(3 * 3600 + 151))
        #expect(try commands.harm(ofForcing: .retire(keyID: first)) == nil)
    }

    @Test func refusesToRetireTheOnlyKeyAndToForgetOneWithGoodTokens() throws {
        _ = try commands.generate(.es256)
        let only = try entries()[0].keyID
        #expect(throws: StartUpError.self) { try commands.retire(only, isForced: false) }
        _ = try commands.generate(.es256)
        clock.advance(by: .seconds(720))
        _ = try commands.retire(only, isForced: false)
        #expect(try states == ["retiring", "active"])
        let text = try commands.retire(only, isForced: true)
        #expect(text.contains("is out of the JWK set; its file is kept as"))
        #expect(throws: StartUpError.self) { try commands.retire("nobody", isForced: false) }
    }

    // MARK: Rotation by cron

    @Test func takesEachStepOnceItIsDueAndSaysWhatComesNext() throws {
        _ = try commands.generate(.es256)
        let idle = try commands.advance(isDryRun: false)
        #expect(idle.hasPrefix("Nothing is due.\nNext: make an ES256 key, due at 2026-02-22T16:48:00Z."), "\(idle)")
        clock.advance(by: .seconds(90 * 86400 - 720))
        let preview = try commands.advance(isDryRun: true)
        #expect(preview.hasPrefix("Would make an ES256 key.\n"), "\(preview)")
        #expect(try states == ["active"], "a dry run changes nothing")
        #expect(try commands.advance(isDryRun: false).contains(" is published"))
        #expect(try states == ["active", "published"])
        clock.advance(by: .seconds(720))
        #expect(try commands.advance(isDryRun: false).contains(" is active"))
        #expect(try states == ["retiring", "active"])
        clock.advance(by: .seconds(3 * 3600 + 150))
        #expect(
            try commands.advance(isDryRun: false).contains(" is gone: its tokens have expired, its file is deleted"))
        #expect(try states == ["active"])
    }

    // MARK: Compromise

    /// The sessions are in the memory of a service that no command can reach.
    @Test func revokesAKeyInTheDirectory() async throws {
        _ = try commands.generate(.es256)
        let first = try entries()[0].keyID
        let harm = try #require(commands.harm(ofRevoking: first))
        #expect(
            harm.hasPrefix("Every token that key \(first) has signed ends at once") && harm.contains("a new key signs"))
        let text = try await commands.revoke(
            first, sessions: SessionCommands(configuration, time: clock.time, logger: RecordedLog().logger))
        #expect(text.contains("\(first) is revoked: its tokens are dead"))
        #expect(try states == ["revoked", "active"], "a new key takes over")
        #expect(commands.harm(ofRevoking: first) == nil, "it is revoked already")
    }

    @Test func revokesNothingUnderAnUnknownName() async throws {
        _ = try commands.generate(.es256)
        let error = await #expect(throws: StartUpError.self) {
            try await commands.revoke(
                "nobody", sessions: SessionCommands(configuration, time: clock.time, logger: RecordedLog().logger))
        }
        #expect(!error.text.contains("Left to do"), "a name to correct, nothing to repair")
        #expect(try states == ["active"])
    }

    @Test func saysWhatIsLeftToDoWhenTheDirectoryCannotBeRead() async throws {
        try folder.write("signing/manifest.json", "{")
        let error = await #expect(throws: StartUpError.self) {
            try await commands.revoke(
                "kid", sessions: SessionCommands(configuration, time: clock.time, logger: RecordedLog().logger))
        }
        let problems = (error?.problems ?? [])
        #expect(problems[0] == "Nothing was done." && problems[1].hasPrefix("Left to do in the key directory"))
    }

    @Test func rehearsesARotationWithoutRefusingAToken() throws {
        let outcome = try KeyRehearsal(configuration, now: clock.now).run()
        #expect(outcome.refusedInRotation == 0)
        let lines = outcome.text.split(separator: "\n")
        for event in ["key A is active", "key B is published", "signs with key B", "key A is gone", "is revoked"] {
            #expect(lines.contains { $0.contains(event) }, "\(event)")
        }
        #expect(lines.last?.contains("tokens signed after the revocation") == true)
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/signing"), "in a directory of its own")
    }
}
