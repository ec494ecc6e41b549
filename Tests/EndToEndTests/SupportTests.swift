import Foundation
import TestSupport
import Testing
import TokenExchange

/// From a code on a page to the story of a login, with the logs of a real service.
@Suite(.serialized) struct SupportTests {
    private typealias Settings = CountersignProcess.Settings

    private static let admin = TestVerifier("admin", of: "vip-loyalty", mayRevoke: "all")
    private static let subject = "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55"

    private func start(_ change: (inout Settings) -> Void = { _ in }) async throws -> CountersignProcess {
        var settings = Settings()
        settings.log = "{ level: info, format: json, correlation_key: { file: log.key } }"
        settings.verifiers = [Self.admin]
        change(&settings)
        let folder = try CountersignProcess.prepare(settings)
        chmod(try folder.write("log.key", "sixteen-letters!"), 0o600)
        return try await CountersignProcess.start(in: folder)
    }

    private func support(_ arguments: String..., input: String = "") async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(CountersignProcess.program, ["support"] + arguments, input: Array(input.utf8))
    }

    private func config(_ service: CountersignProcess) -> String { "\(service.folder.path)/countersign.yaml" }

    /// Everything that an associate may go through, and the log of it; the codes are those of the answers.
    private func day(of service: CountersignProcess) async throws -> (log: String, codes: [String]) {
        let token = try ModelToken.fresh()
        let login = try service.exchange(token)
        let identity = try #require(login.externalIdentity)
        let replay = try service.exchange(token)
        let session = try service.session(identity)
        #expect(session.json["request_id"] as? String == session.headers["x-request-id"])
        let asked = try service.introspect(identity, as: Self.admin)
        let expired = try service.exchange(
            try ModelToken.current.claim("exp", .number(literal: "1000")).signed(by: TestKeys.rs256), device: "till-2")
        let answers = [login, replay, session, asked, expired]
        #expect(answers.map(\.status) == [200, 200, 200, 200, 401])
        return (service.log, try answers.map { try #require($0.headers["x-request-id"]) })
    }

    @Test func tellsTheStoryOfALoginByTheCodeOfAnAnswer() async throws {
        let service = try await start()
        let (log, codes) = try await day(of: service)
        let file = try service.folder.write("day.log", log + "torn {\"time\":\n")
        let story = try await support(codes[4], file)
        #expect(story.status == 0)
        for piece in [
            "Request \(codes[4]): 1 line of ", " (1 more are no log lines).",
            "A login for vip-loyalty, by the app's callback: refused (401 token_expired)",
            "Why: expired, by the rule validity_period.", "What to do: Log in again",
            "The same associate or device, up to 15 minutes before and after:",
            "A login for vip-loyalty, by the app's callback: succeeded with an external identity",
            "answered again with the external identity of the same login before: a retry or a double tap",
            "A page asked for the session of its external identity: good, of vip-loyalty",
            "Verifier admin asked whether an external identity is good: active, of vip-loyalty",
        ] {
            #expect(story.output.contains(piece), "\(piece) is not in \(story.output)")
        }
        #expect(story.output.components(separatedBy: "[same associate]").count == 5, "the device is another")
        #expect(try await support(codes[2], file).output.contains("[same associate, same device]"))
        for secret in [Self.subject, "till-1", "till-2", "sixteen-letters!"] {
            #expect(!log.contains(secret) && !story.output.contains(secret), "\(secret)")
        }
        let absent = try await support("nobody", file)
        #expect(absent.status == 1 && absent.output.hasPrefix("no request nobody in "))
        let nothing = try await support("a b", file)
        #expect(nothing.status == 1 && nothing.output.hasPrefix("expected a support code"))
    }

    @Test func findsAKnownAssociateByAHash() async throws {
        let service = try await start()
        let (log, _) = try await day(of: service)
        let config = config(service)
        let subject = try await support("hash", "--config", config, input: Self.subject + "\n")
        let device = try await support("hash", "--device", "--config", config, input: "till-1")
        for (result, field, count) in [(subject, "subject_hash", 5), (device, "device_hash", 4)] {
            let words = result.output.split(separator: " ").map { $0.trimmingCharacters(in: .newlines) }
            try #require(result.status == 0 && words[0] == field, "\(result.output)")
            #expect(log.components(separatedBy: "\"\(field)\":\"\(words[1])\"").count == count + 1)
        }
        #expect(subject.output.hasSuffix(" acme-staging\n"))
        let unknown = try await support("hash", "--tenant", "nobody", "--config", config, input: "x")
        #expect(unknown.status == 1 && unknown.output.contains("known are acme-staging"))
        #expect(try await support("hash", "--config", config).status == 1)
    }

    @Test func readsALogForPeopleFromStandardInput() async throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/log"
        var settings = Settings()
        settings.log = "{ level: info, format: text, correlation_key: { file: admin.secret } }"
        settings.verifiers = [Self.admin]
        settings.ports = (try freeLoopbackPort(), try freeLoopbackPort())
        let service = try await CountersignProcess.start(settings, log: path)
        let (_, codes) = try await day(of: service)
        #expect(try await service.terminate() == 0)
        let log = try String(contentsOfFile: path, encoding: .utf8)
        let story = try await support(codes[1], "-", input: log)
        #expect(story.output.hasPrefix("Request \(codes[1]): 1 line of "), "\(story.output)")
        #expect(story.output.contains("a retry or a double tap"))
        #expect(story.output.components(separatedBy: "[same associate, same device]").count == 4)
    }

    @Test func hashesUnderANewKeyAfterAReload() async throws {
        let service = try await start()
        _ = try service.exchange(try ModelToken.fresh())
        chmod(try service.folder.write("log.key", "another-key-of-16"), 0o600)
        service.signal(SIGHUP)
        try await eventually("the key is taken") { service.log.contains("configuration and keys reloaded") }
        _ = try service.exchange(try ModelToken.fresh())
        let hashes = service.log.matches(of: /"subject_hash":"([0-9a-f]{16})"/).map { String($0.1) }
        #expect(hashes.count == 2 && Set(hashes).count == 2)
        #expect(!service.log.contains("changed settings wait for a restart"))
    }

    @Test func logsNoHashesWithoutAKey() async throws {
        let service = try await start { $0.log = "{ level: info, format: json }" }
        let (log, codes) = try await day(of: service)
        #expect(!log.contains("_hash"))
        let story = try await support(codes[0], try service.folder.write("day.log", log))
        #expect(story.status == 0 && story.output.contains("log.correlation_key is not set"))
        let hash = try await support("hash", "--config", config(service), input: "x")
        #expect(hash.status == 1 && hash.output.hasPrefix("log.correlation_key is not set"))
    }
}
