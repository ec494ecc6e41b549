import Foundation
import TestSupport
import Testing
import TokenExchange

/// The audit stream of the real program, and `countersign audit verify`.
@Suite(.serialized) struct AuditTests {
    private typealias Settings = CountersignProcess.Settings

    private static let admin = TestVerifier("admin", of: "vip-loyalty", mayRevoke: "all")
    private static let reader = TestVerifier("reader", of: "vip-loyalty", mayRevoke: "false")

    private func settings(_ audit: String = "{ file: audit.jsonl }") -> Settings {
        var settings = Settings()
        settings.audit = audit
        settings.providers = Settings.provider("vip-loyalty") + Settings.provider("easy", mode: "optional")
        settings.verifiers = [Self.admin, Self.reader]
        return settings
    }

    private struct Line {
        let text: Substring
        let members: [String: Any]
        var event: String { members["event"] as? String ?? "" }

        subscript(name: String) -> String? { members[name] as? String }
    }

    private func lines(_ folder: TemporaryFolder, _ name: String = "audit.jsonl") throws -> [Line] {
        try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8).split(separator: "\n").map {
            Line(
                text: $0,
                members: try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]))
        }
    }

    /// Waits until there are so many lines of an event.
    private func wait(
        for event: String, _ count: Int = 1, in folder: TemporaryFolder, _ name: String = "audit.jsonl"
    ) async throws -> [Line] {
        var found: [Line] = []
        try await eventually("\(count) lines of \(event)") {
            // One may be half written.
            found = ((try? lines(folder, name)) ?? []).filter { $0.event == event }
            return found.count >= count
        }
        #expect(found.count == count)
        return found
    }

    private func verify(_ folder: TemporaryFolder, _ names: String...) async throws -> CountersignProcess.CommandResult
    {
        try await CountersignProcess.run(
            CountersignProcess.program, ["audit", "verify"] + names.map { "\(folder.path)/\($0)" })
    }

    @Test func tellsWhoDidWhatAndIsVerified() async throws {
        let service = try await CountersignProcess.start(settings())
        let folder = service.folder
        let token = try ModelToken.fresh()
        let identity = try #require(try service.exchange(token).externalIdentity)
        #expect(try service.exchange(token).externalIdentity == identity)
        let stranger = try ModelToken.current.signed(by: TestKeys.stranger)
        #expect(try service.exchange(stranger).status == 401)
        #expect(try service.post("/introspect", form: "token=x", authorization: "Basic YTpi").status == 401)
        #expect(try service.revoke(identity, as: Self.reader).status == 403)
        #expect(try service.introspect("unknown", as: Self.reader).status == 200)
        #expect(try service.revoke(identity, as: Self.admin).status == 200)
        #expect(try service.revoke("unknown", as: Self.admin).status == 200)
        for form in ["subject=MARKERSUBJECT", "tenant=acme-staging", "key_id=x%22%7D%0A%7B%22sequence%22%3A1%7D"] {
            let answer = try service.post(
                "/revocations", form: form, authorization: Self.admin.basic, port: service.operationsPort)
            #expect(answer.status == 204)
        }
        let cohorts = try await wait(for: "revoke_cohort", 3, in: folder)
        #expect(cohorts.map { $0["cohort"] } == ["subject", "tenant", "key_id"])
        #expect(cohorts.allSatisfy { $0["verifier"] == "admin" && $0["request_id"] != nil })
        #expect(cohorts[1]["tenant"] == "acme-staging" && cohorts[2]["key_id"] == nil)
        let login = try #require(try await wait(for: "login", in: folder).first)
        #expect(login["identity_provider"] == "vip-loyalty" && login["tenant"] == "acme-staging")
        let digest = try await CountersignProcess.run("/usr/bin/sha256sum", [], input: token).output.prefix(64)
        #expect(login["identity_token_sha256"].map { Substring($0) } == digest)
        let replay = try #require(try await wait(for: "replay", in: folder).first)
        #expect(replay["external_identity_sha256"] == login["external_identity_sha256"])
        let refusal = try #require(try await wait(for: "refusal", in: folder).first)
        #expect(refusal["error_code"] == "token_rejected" && refusal["reason"] == "signature_invalid")
        #expect(refusal["external_identity_sha256"] == nil)
        let refused = try await wait(for: "verifier_refused", 2, in: folder)
        #expect(refused.map { $0["error_code"] } == ["verifier_rejected", "revocation_not_allowed"])
        #expect(refused.map { $0["verifier"] } == [nil, "reader"])
        let revoked = try await wait(for: "revoke", 2, in: folder)
        #expect(revoked[0]["external_identity_sha256"] == login["external_identity_sha256"])
        #expect(revoked.map { $0.members["sessions"] as? Int } == [1, 0])
        #expect(try await service.terminate() == 0)
        #expect(try lines(folder).last?.event == "stop")
        let all = try lines(folder)
        #expect(all.allSatisfy { !$0.text.contains("MARKER") })
        let verdict = try await verify(folder, "audit.jsonl")
        #expect(verdict.status == 0 && verdict.output.contains("Good: \(all.count) lines"), "\(verdict.output)")
        try folder.write(
            "audit.jsonl", all.map { $0.text + "\n" }.joined().replacing("signature_invalid", with: "expired"))
        let altered = try await verify(folder, "audit.jsonl")
        let number = try #require(all.firstIndex { $0.event == "refusal" }) + 1
        #expect(altered.status == 1 && altered.output.contains("audit.jsonl:\(number): is not what was written"))
    }

    @Test func goesOnInANewFileWhileLoginsComeIn() async throws {
        let service = try await CountersignProcess.start(settings())
        let folder = service.folder
        let logins = Task.detached {
            for _ in 0..<300 { _ = try service.exchange(try ModelToken.fresh()) }
        }
        for number in 1...3 {
            try FileManager.default.moveItem(
                atPath: "\(folder.path)/audit.jsonl", toPath: "\(folder.path)/audit.\(number)")
            service.signal(SIGHUP)
            try await eventually("a new file") {
                FileManager.default.fileExists(atPath: "\(folder.path)/audit.jsonl")
                    && (try? lines(folder).first?.event) == "continues"
            }
        }
        try await logins.value
        try await eventually("the last reload is told of", within: .seconds(15)) {
            ((try? lines(folder)) ?? []).contains { $0.event == "reload" }
        }
        #expect(try await service.terminate() == 0)
        let names = ["audit.1", "audit.2", "audit.3", "audit.jsonl"]
        let count = try names.reduce(0) { try $0 + lines(folder, $1).count { $0.event == "login" } }
        #expect(count == 300)
        let verdict = try await CountersignProcess.run(
            CountersignProcess.program, ["audit", "verify"] + names.map { "\(folder.path)/\($0)" })
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    @Test func namesTheKeysThatAReloadChanged() async throws {
        var settings = settings()
        let service = try await CountersignProcess.start(settings)
        settings.limits = "{ requests_per_second: 0, body_bytes: 20000 }"
        settings.providers =
            Settings.provider("vip-loyalty", mode: "optional") + Settings.provider("easy", mode: "optional")
        try service.folder.write("countersign.yaml", settings.yaml)
        service.signal(SIGHUP)
        let reload = try #require(try await wait(for: "reload", in: service.folder).first)
        #expect(reload.members["succeeded"] as? Bool == true)
        #expect(
            reload.members["changed"] as? [String] == ["identity_providers[vip-loyalty].mode", "limits.body_bytes"])
        try service.folder.write("countersign.yaml", settings.yaml + "\nnonsense: 7\n")
        service.signal(SIGHUP)
        let failed = try #require(try await wait(for: "reload", 2, in: service.folder).last)
        #expect(failed.members["succeeded"] as? Bool == false && failed.members["changed"] == nil)
    }

    @Test func goesOnAfterAProcessThatWasKilled() async throws {
        let service = try await CountersignProcess.start(settings("{ file: audit.jsonl, required: true }"))
        let folder = service.folder
        let answered = Task.detached {
            var count = 0
            while let status = try? service.exchange(try ModelToken.fresh()).status, status == 200 { count += 1 }
            return count
        }
        try await eventually("some have logged in") { ((try? lines(folder)) ?? []).count > 50 }
        service.signal(SIGKILL)
        _ = try await service.exitStatus()
        let count = await answered.value
        #expect(try lines(folder).count { $0.event == "login" } >= count, "each answer had its line before")
        let next = try await CountersignProcess.start(in: folder)
        #expect(try next.exchange(try ModelToken.fresh()).status == 200)
        #expect(try await next.terminate() == 0)
        #expect(try lines(folder).count { $0.event == "start" } == 2)
        let verdict = try await verify(folder, "audit.jsonl")
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    /// A limit of the file's size stands for a full disk: both refuse to write more.
    @Test func stopsLoginsWhileTheDiskIsFullAndHeals() async throws {
        let folder = try CountersignProcess.prepare(settings("{ file: audit.jsonl, required: true }"))
        // In blocks of 512 bytes. The log grows more slowly.
        let service = try await CountersignProcess.start(in: folder, under: "ulimit -f 128")
        var answers = 0
        while answers < 1000, try service.exchange(try ModelToken.fresh()).status == 200 { answers += 1 }
        #expect(20..<1000 ~= answers)
        let strict = try service.exchange(try ModelToken.fresh())
        #expect(strict.status == 503 && strict.errorCode == "session_store_unavailable")
        let optional = try service.exchange(try ModelToken.fresh(), provider: "easy")
        #expect(optional.status == 200 && optional.externalIdentity == nil)
        #expect(try service.metric("countersign_audit_failing") == 1)
        #expect(try service.readiness().status == 503)
        #expect(service.log.contains("the audit stream cannot be written"))
        try FileManager.default.moveItem(
            atPath: "\(folder.path)/audit.jsonl", toPath: "\(folder.path)/audit.jsonl.1")
        service.signal(SIGHUP)
        try await eventually("it heals") { try service.readiness().status == 200 }
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        #expect(try service.metric("countersign_audit_lines_dropped_total") == 0)
        #expect(try await service.terminate() == 0)
        let verdict = try await verify(folder, "audit.jsonl.1", "audit.jsonl")
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    @Test func servesThoughNobodyTakesItsLines() async throws {
        let folder = try CountersignProcess.prepare(settings("{ stdout: true, queue_bytes: 65536 }"))
        let service = try await CountersignProcess.start(in: folder, under: "exec 1>/dev/full")
        for _ in 0..<200 { #expect(try service.exchange(try ModelToken.fresh()).status == 200) }
        try await eventually("lines are dropped") {
            try service.metric("countersign_audit_lines_dropped_total") > 0
        }
        #expect(try service.metric("countersign_audit_failing") == 1)
        #expect(try service.longestLoopGap() < LoopGaps.bound)
        #expect(try await service.terminate() == 0)
    }

    @Test func writesToStandardOutput() async throws {
        let folder = try CountersignProcess.prepare(settings("{ stdout: true }"))
        let service = try await CountersignProcess.start(
            in: folder, under: "exec 1>\"$(dirname \"$1\")/out\"")
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        #expect(try await service.terminate() == 0)
        #expect(try lines(folder, "out").map(\.event) == ["begins", "start", "login", "stop"])
        #expect(try await verify(folder, "out").status == 0)
    }

    @Test func tellsOfCommandsInAFileOfTheirOwn() async throws {
        var settings = settings()
        let redis = try await RedisServer.start()
        settings.sessions = Settings.redis(redis)
        let service = try await CountersignProcess.start(settings)
        let config = "\(service.folder.path)/countersign.yaml"
        for arguments in [
            ["keys", "generate"], ["sessions", "revoke", "--subject", "MARKERSUBJECT"],
            ["sessions", "revoke", "--identity-provider", "easy"],
        ] {
            let result = try await CountersignProcess.run(
                CountersignProcess.program, arguments + ["--config", config])
            #expect(result.status == 0, "\(result.output)")
        }
        let lines = try lines(service.folder, "audit.jsonl.commands")
        #expect(lines.map(\.event) == ["begins", "key_step", "revoke_cohort", "revoke_cohort"])
        #expect(lines[1]["step"] == "published" && lines[1]["by"] == "keys generate")
        #expect(lines.allSatisfy { $0.members["user_id"] as? Int == Int(getuid()) && !$0.text.contains("MARKER") })
        #expect(lines[3]["identity_provider"] == "easy" && lines[3]["by"] == "sessions revoke")
        #expect(try await verify(service.folder, "audit.jsonl.commands").status == 0)
        // The service sees the new key by itself.
        let seen = try #require(try await wait(for: "key_step", in: service.folder).first)
        #expect(seen["by"] == "replica" && seen["step"] == "published" && seen["key_id"] == lines[1]["key_id"])
    }

    @Test func letsOnlyOneProcessWriteAFile() async throws {
        let service = try await CountersignProcess.start(settings())
        let other = try CountersignProcess.launch(in: service.folder)
        #expect(try await other.exitStatus() == 1)
        #expect(service.log.contains("audit.file: expected a file that no other process writes to"))
        #expect(
            try await CountersignProcess.run(
                "check-config", "--config", "\(service.folder.path)/countersign.yaml"
            ).status == 0)
    }
}
