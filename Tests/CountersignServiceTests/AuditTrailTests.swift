import CountersignHTTP
import CountersignService
import Foundation
import HTTPTypes
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// The audit stream in a real file, and what becomes of logins when it cannot be written.
@Suite(.timeLimit(.minutes(1))) struct AuditTrailTests {
    private typealias Settings = CountersignProcess.Settings

    private let folder: TemporaryFolder
    private let log = RecordedLog()
    private let clock = ManualClock()
    private var file: String { "\(folder.path)/audit.jsonl" }

    init() throws {
        var settings = Settings()
        settings.audit = "{ file: audit.jsonl, queue_bytes: 65536 }"
        folder = try CountersignProcess.prepare(settings)
    }

    private func open() throws -> AuditTrail {
        let configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        return try AuditTrail(try #require(configuration.audit), time: clock.time, logger: log.logger)
    }

    /// Writes entries, and returns once they are in the file.
    private func write(_ count: Int, to trail: AuditTrail) async throws {
        let before = trail.writtenCount
        for _ in 0..<count { trail.append(AuditEntry(.keyStep, at: clock.now)) }
        try await eventually("they are written") { trail.writtenCount >= before + count }
    }

    /// A chain of one file, as a service that ran once leaves it: begins, start, key steps, stop.
    private func chain(_ count: Int = 5) async throws {
        let trail = try open()
        try await write(count, to: trail)
        trail.stop()
    }

    private func lines(_ file: String? = nil) throws -> [String] {
        try String(contentsOfFile: file ?? self.file, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func verify(_ files: String..., expecting hash: String? = nil) -> (text: String, isGood: Bool) {
        var verification = AuditVerification(expecting: hash)
        for file in files.isEmpty ? [self.file] : files { verification.read(file) }
        return verification.finish()
    }

    private func rename(_ old: String, _ new: String) throws {
        try FileManager.default.moveItem(atPath: old, toPath: new)
    }

    @Test func chainsItsLinesWithFieldsInOneOrder() async throws {
        try await chain(1)
        let lines = try lines()
        #expect(lines.count == 4)
        #expect(
            lines[0]
                == #"{"sequence":1,"previous":"\#(String(repeating: "0", count: 64))","time":"2025-11-24T17:00:00.000Z","event":"begins"}"#
        )
        let hash = OpenSSLRecordSealer().digest(Array(lines[0].utf8)).map { String(format: "%02x", $0) }.joined()
        #expect(lines[1].hasPrefix(#"{"sequence":2,"previous":"\#(hash)","time":"#))
        #expect(lines.dropFirst().map { $0.contains(#""event":"start""#) } == [true, false, false])
        let verdict = verify()
        #expect(verdict.isGood && verdict.text.contains("Good: 4 lines"))
    }

    @Test func holdsNoLineThatATextHasForged() async throws {
        let trail = try open()
        for text in ["a\"}\n{\"sequence\":9}", "\u{2028}", String(repeating: "k", count: 129), "good-key"] {
            var entry = AuditEntry(.keyStep, at: clock.now)
            entry.keyID = ExactText(text)
            trail.append(entry)
        }
        trail.stop()
        try await eventually("all are written") { try lines().count == 7 }
        #expect(verify().isGood)
        #expect(try lines().count { $0.contains("key_id") } == 1)
    }

    // MARK: Restart, rotation, other writers

    @Test func goesOnAfterARestart() async throws {
        try await chain()
        // As a process that was killed: nobody has this file open any more.
        let trail = try await reopened()
        trail.stop()
        let verdict = verify()
        #expect(verdict.isGood && verdict.text.contains("Good: 10 lines"))
    }

    /// The lock of the first trail lives as long as this process; a copy of its file has none.
    private func reopened() async throws -> AuditTrail {
        try rename(file, "\(file).copied")
        try FileManager.default.copyItem(atPath: "\(file).copied", toPath: file)
        return try open()
    }

    @Test func goesOnInANewFileOnceItIsAskedTo() async throws {
        let trail = try open()
        try await write(3, to: trail)
        try rename(file, "\(file).2")
        try await write(3, to: trail)
        #expect(!FileManager.default.fileExists(atPath: file), "until then it stays with the file that it has open")
        trail.reopen()
        try await write(3, to: trail)
        try rename(file, "\(file).1")
        trail.reopen()
        try await write(3, to: trail)
        #expect(try lines()[0].contains(#""event":"continues""#))
        let verdict = verify("\(file).2", "\(file).1", file)
        #expect(verdict.isGood && verdict.text.contains("Good: 16 lines"))
        #expect(verify("\(file).1").isGood, "a file alone is good, and says that another is before it")
        #expect(verify("\(file).1").text.contains("of a file that was not given"))
        #expect(verify(file, "\(file).1").text.contains("wrong order"))
        #expect(verify("\(file).2", "\(file).2").text.contains("wrong order, or one was given twice"))
        let gap = verify("\(file).2", file)
        #expect(!gap.isGood && gap.text.contains("\(file):1: lines number 9 to 12 are missing before this one"))
    }

    @Test func saysThatALineWasCutOff() async throws {
        try await chain()
        let whole = try Data(contentsOf: URL(filePath: file))
        try whole.dropLast(20).write(to: URL(filePath: file))
        let before = verify()
        #expect(!before.isGood && before.text.contains("\(file):8: is cut off: by a crash or a full disk"))
        let trail = try await reopened()
        trail.stop()
        let verdict = verify()
        #expect(verdict.isGood, "\(verdict.text)")
        #expect(verdict.text.contains("note: \(file):8: a line was cut off"))
        #expect(try lines()[8].contains(#""event":"resumes","torn_bytes":"#))
        // Somebody else may have written there, not the service.
        try String(contentsOfFile: file, encoding: .utf8).replacing(#""time":"2025"#, with: #""time":"2026"#)
            .write(toFile: file, atomically: true, encoding: .utf8)
        #expect(!verify().isGood)
    }

    @Test func goesOnAfterALineThatLacksOnlyItsEnd() async throws {
        try await chain()
        try Data(contentsOf: URL(filePath: file)).dropLast().write(to: URL(filePath: file))
        #expect(verify().isGood && verify().text.contains("lacks its line feed"))
        try await reopened().stop()
        #expect(verify().isGood && !verify().text.contains("note"))
    }

    @Test func refusesAFileThatIsAnothers() async throws {
        let trail = try open()
        try await write(1, to: trail)
        let locked = #expect(throws: AuditFileError.self) { try open() }
        #expect(locked?.description.contains("expected a file that no other process writes to") == true)
        try FileManager.default.removeItem(atPath: file)
        try folder.write("audit.jsonl", "root:x:0:0\n")
        let strange = #expect(throws: AuditFileError.self) { try open() }
        #expect(strange?.description.contains("holds no line of an audit stream. Move it away") == true)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "root:x:0:0\n")
    }

    // MARK: Bounds

    @Test func dropsWhatItHasNoRoomFor() async throws {
        let trail = try open()
        try await write(1, to: trail)
        try FileManager.default.removeItem(atPath: folder.path)
        let line = 100
        for _ in 0..<(65_536 / line) { trail.append(AuditEntry(.keyStep, at: clock.now)) }
        try await eventually("it fails") { trail.problem != nil }
        while trail.droppedCount == 0 { trail.append(AuditEntry(.keyStep, at: clock.now)) }
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try await eventually("it is written again") { trail.problem == nil && trail.waitingBytes == 0 }
        #expect(try lines()[0].contains("continues"))
        #expect(try lines().contains { $0.contains(#""event":"lines_lost","count":1"#) })
        #expect(verify().isGood)
        #expect(log.lines.contains { $0.hasPrefix("error: the audit stream cannot be written") })
        #expect(log.lines.last == "notice: the audit stream is written again")
    }

    /// A load balancer may send nothing more until it has.
    @Test func healsThoughThereIsNothingToWrite() async throws {
        let trail = try open()
        try await write(1, to: trail)
        try FileManager.default.removeItem(atPath: folder.path)
        trail.reopen()
        try await eventually("it fails") { trail.problem != nil }
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try await eventually("it heals") { trail.problem == nil }
        #expect(try lines().count == 1)
    }

    @Test func countsRefusedRequestsBeyondTheirNumber() {
        let budget = RefusalBudget(limit: 2)
        let (refusal, login) = (AuditEntry(.refusal, at: clock.now), AuditEntry(.login, at: clock.now))
        #expect(budget.admits(refusal, elapsed: .seconds(1)) == (true, 0))
        #expect(budget.admits(refusal, elapsed: .seconds(1.5)) == (true, 0))
        #expect(budget.admits(refusal, elapsed: .seconds(1.9)) == (false, 0))
        #expect(budget.admits(AuditEntry(.verifierRefused, at: clock.now), elapsed: .seconds(1.9)) == (false, 0))
        #expect(budget.admits(login, elapsed: .seconds(1.9)) == (true, 0), "what is no refusal is never left out")
        #expect(budget.admits(login, elapsed: .seconds(2)) == (true, 2))
        #expect(budget.admits(refusal, elapsed: .seconds(2)) == (true, 0))
    }

    // MARK: Logins

    private func scene(isRequired: Bool) throws -> ServiceScene {
        try ServiceScene { settings in
            settings.audit = "{ file: audit/a.jsonl, required: \(isRequired) }"
            settings.providers = Settings.provider("vip-loyalty") + Settings.provider("easy", mode: "optional")
        } _: {
            try FileManager.default.createDirectory(atPath: "\($0)/audit", withIntermediateDirectories: true)
        }
    }

    @Test func stopsLoginsIfTheirLinesAreRequired() async throws {
        let scene = try scene(isRequired: true)
        let (trail, path) = (try #require(scene.audit), "\(scene.folder.path)/audit")
        let good = try await scene.logIn()
        #expect(good.status == .ok)
        let line = try lines("\(path)/a.jsonl").last ?? ""
        #expect(line.contains(#""event":"login","request_id":"test","identity_provider":"vip-loyalty""#))
        try FileManager.default.removeItem(atPath: path)
        // The first one finds out, the second one is not begun.
        for _ in 0..<2 {
            let reply = try await scene.logIn()
            #expect(reply.status == .serviceUnavailable)
            #expect(reply.string("error_code") == "session_store_unavailable")
        }
        let optional = try await scene.logIn(provider: "easy")
        #expect(optional.status == .ok && optional.json["external_identity"] == .null)
        #expect(optional.headers[HTTPField.Name("Countersign-Degraded")!] == "session_store_unavailable")
        let expired = ModelToken(issuedAt: scene.clock.now, keyID: TestKeys.rs256.keyID)
            .claim("exp", .number(literal: "1000"))
        #expect(try await scene.logIn(expired).status == .unauthorized, "the verdict on a token stays")
        let readiness = try await scene.ask(.get, "/readyz")
        #expect(readiness.status == .serviceUnavailable)
        #expect(readiness.json["components"]?["audit"]?["status"]?.string == "unavailable")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await eventually("it heals by itself") { trail.problem == nil }
        #expect(try await scene.logIn().externalIdentity == good.externalIdentity)
        #expect(verify("\(path)/a.jsonl").isGood)
        #expect(try await scene.ask(.get, "/readyz").status == .ok)
    }

    @Test func letsLoginsGoOnIfTheirLinesAreNotRequired() async throws {
        let scene = try scene(isRequired: false)
        let (trail, path) = (try #require(scene.audit), "\(scene.folder.path)/audit")
        try FileManager.default.removeItem(atPath: path)
        #expect(try await scene.logIn().status == .ok)
        try await eventually("it fails") { trail.problem != nil }
        #expect(try await scene.logIn().status == .ok)
        let readiness = try await scene.ask(.get, "/readyz")
        #expect(readiness.status == .ok && readiness.string("status") == "degraded")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await eventually("nothing was lost") {
            let lines = (try? lines("\(path)/a.jsonl")) ?? []
            return ["login", "replay"].allSatisfy { event in lines.contains { $0.contains("\"event\":\"\(event)\"") } }
        }
    }
}
