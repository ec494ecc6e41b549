import CountersignService
import Foundation
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// What `countersign doctor` finds about Redis, with a real one.
@Suite struct StoreCheckupTests {
    typealias Settings = CountersignProcess.Settings
    typealias Verdict = CheckupFinding.Verdict

    private func report(
        _ sessions: String, time: TimeSource = .machine, password: String? = nil
    ) async throws -> CheckupReport {
        var settings = Settings()
        settings.publicURL = "http://127.0.0.1:1"
        settings.sessions = sessions
        let folder = try CountersignProcess.prepare(settings)
        if let password { chmod(try folder.write("redis.secret", password), 0o600) }
        return await Checkup(
            file: "\(folder.path)/countersign.yaml", environment: [:], authorities: nil,
            machine: Checkup.Machine(openFiles: 100_000, clockIsSynchronized: true), time: time
        ).report()
    }

    private func report(_ redis: RedisServer, user: String? = nil) async throws -> CheckupReport {
        let name = user.map { "\($0)@" } ?? ""
        let password = user == nil ? "" : ", password: { file: redis.secret }"
        return try await report(
            "{ store: redis, redis: { url: \"redis://\(name)127.0.0.1:\(redis.port)\", command_timeout: 5s\(password) } }",
            password: "MARKER")
    }

    private func verdicts(_ report: CheckupReport) -> [String: [Verdict]] {
        Dictionary(
            grouping: report.findings.filter { $0.check.contains("redis") || $0.check == "session_store" }, by: \.check
        )
        .mapValues { $0.map(\.verdict) }
    }

    @Test func writesAndReadsAndJudgesTheServersSettings() async throws {
        let redis = try await RedisServer.start(arguments: ["--maxmemory-policy", "noeviction", "--appendonly", "yes"])
        let report = try await report(redis)
        #expect(
            verdicts(report) == [
                "session_store": [.pass], "redis_latency": [.pass], "redis_eviction": [.pass],
                "redis_persistence": [.pass],
                "redis_acl": [.warn],
            ], "\(report.text)")
        let keys = try redis.connect().keys()
        #expect(keys.contains { $0.contains("}:session:") }, "a session was written")
        for key in keys { #expect(try redis.connect().timeToLive(key) >= 0, "\(key) stays") }
    }

    @Test(arguments: [
        (["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"], "redis_eviction", Verdict.fail),
        (["--maxmemory", "0", "--maxmemory-policy", "allkeys-lru"], "redis_eviction", .warn),
        (["--save", "", "--appendonly", "no"], "redis_persistence", .warn),
        (["--save", "60 1"], "redis_persistence", .warn),
    ])
    func findsSettingsThatLoseSessions(arguments: [String], check: String, verdict: Verdict) async throws {
        let redis = try await RedisServer.start(arguments: arguments)
        let report = try await report(redis)
        #expect(report[check].map(\.verdict) == [verdict] && report[check][0].remedy != nil, "\(report.text)")
        #expect(report["session_store"].map(\.verdict) == [.pass])
    }

    // MARK: Rights

    /// The rights of docs/operations.md.
    private static let rights =
        [
            "ACL", "SETUSER", "countersign", "on", ">MARKER", "resetkeys", "~countersign:*", "-@all",
        ]
        + "+AUTH +SELECT +CLIENT|SETNAME +ROLE +SCRIPT|LOAD +EVAL +EVALSHA +GET +SET +DEL +HGET +HGETALL +HSET +HDEL +TTL +EXPIRE"
        .split(separator: " ").map(String.init)

    private func server(_ more: String...) async throws -> RedisServer {
        let redis = try await RedisServer.start(arguments: ["--appendonly", "yes"])
        let reply = try redis.connect().send((Self.rights + more).map { Array($0.utf8) })
        try #require(reply == .status("OK"))
        return redis
    }

    @Test func isContentWithTheRightsThatTheDocumentsList() async throws {
        let report = try await report(try await server(), user: "countersign")
        #expect(
            verdicts(report) == [
                "session_store": [.pass], "redis_latency": [.pass], "redis_eviction": [.warn],
                "redis_persistence": [.warn],
                "redis_acl": [.pass],
            ], "\(report.text)")
        let more = try await self.report(try await server("+INFO", "+ACL|WHOAMI"), user: "countersign")
        #expect(more["redis_eviction"].map(\.verdict) == [.pass] && more["redis_persistence"].map(\.verdict) == [.pass])
        #expect(more["redis_acl"][0].detail == "user \"countersign\" has no right to CONFIG")
        #expect(!more.text.contains("MARKER") && !more.json.contains("MARKER"))
    }

    @Test(arguments: ["-GET", "-SET", "-EVALSHA", "-HGETALL", "-EXPIRE", "-SCRIPT|LOAD"])
    func findsARightThatIsMissing(rule: String) async throws {
        let found = try await report(try await server(rule), user: "countersign")["session_store"]
        #expect(found.map(\.verdict) == [.fail] && found[0].detail.contains("NOPERM"), "\(found)")
    }

    // MARK: Outages

    @Test func saysWhyTheStoreCannotBeReached() async throws {
        let redis = try await RedisServer.start(password: "MARKER")
        let refused = try await report(redis)
        #expect(refused["session_store"].map(\.verdict) == [.fail] && !refused.isWell)
        #expect(refused["session_store"][0].detail.contains("NOAUTH"), "\(refused.text)")
        redis.kill()
        let gone = try await report(redis)["session_store"][0]
        #expect(gone.verdict == .fail && gone.detail.contains("connection refused: 127.0.0.1:\(redis.port)"), "\(gone)")
        #expect(gone.remedy?.hasPrefix("See that Redis runs") == true)
    }

    @Test func saysThatAFullServerRefusesSessions() async throws {
        let redis = try await RedisServer.start(arguments: ["--maxmemory", "1kb"])
        let found = try await report(redis)["session_store"][0]
        #expect(found.verdict == .fail && found.detail.contains("OOM") && found.remedy?.contains("more memory") == true)
    }

    @Test func saysThatReplicasAreMissing() async throws {
        let redis = try await RedisServer.start()
        let found = try await report(
            "{ store: redis, redis: { url: \"redis://127.0.0.1:\(redis.port)\", wait_replicas: 1, wait_timeout: 200ms } }"
        )
        #expect(found["session_store"][0].detail.contains("on 0 of 1 replicas"), "\(found.text)")
    }

    // MARK: Latency

    /// Each look at the clock takes that long, so a round does.
    @Test(arguments: [(62, Verdict.pass), (63, .warn), (249, .warn), (250, .fail)])
    func comparesLatencyWithTheCommandTimeout(milliseconds: Int, verdict: Verdict) async throws {
        let redis = try await RedisServer.start()
        let looks = Mutex(0)
        let time = TimeSource(now: TimeSource.machine.now) {
            looks.withLock { looks in
                looks += 1
                return .milliseconds(milliseconds * looks)
            }
        }
        let found = try await report(
            "{ store: redis, redis: { url: \"redis://127.0.0.1:\(redis.port)\", command_timeout: 250ms } }", time: time)
        #expect(found["redis_latency"].map(\.verdict) == [verdict], "\(found.text)")
        #expect(
            found["redis_latency"][0].detail.hasPrefix(
                "an exchange takes \(milliseconds).0 ms; command_timeout is 250.0"))
    }
}
