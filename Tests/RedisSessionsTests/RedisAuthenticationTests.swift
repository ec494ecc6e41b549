import Foundation
import RedisSessions
import Synchronization
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisAuthenticationTests {
    @Test func authenticatesWithThePassword() async throws {
        let server = try await RedisServer.start(password: "open sesame")
        try await withStore(configuration(server, password: { "open sesame" })) { store in
            try await store.check(within: ample)
        }
    }

    @Test func needsNoMoreThanTheDocumentedRights() async throws {
        let server = try await RedisServer.start(arguments: ["--repl-diskless-sync-delay", "0"])
        let replica = try await RedisServer.start(arguments: ["--replicaof", "127.0.0.1 \(server.port)"])
        defer { replica.kill() }
        try allow("The user needs", "with `wait_replicas` also", on: [server])
        try await eventually("the replica is in step", within: .seconds(10)) {
            try server.information("replication").contains("state=online")
        }
        var configuration = configuration(server)
        configuration.credentials = Self.user
        configuration.replication = RedisReplication(replicas: 1, connections: 2, timeout: ample)
        try await keepsAllPromises(configuration) { _ in server }
    }

    @Test func needsNoMoreThanTheDocumentedRightsInACluster() async throws {
        let cluster = try await RedisCluster.start()
        try allow("The user needs", "in a cluster also", on: cluster.servers)
        var configuration = configuration(port: 0)
        configuration.topology = .cluster(cluster.servers.map { loopback($0.port) })
        configuration.credentials = Self.user
        try await keepsAllPromises(configuration) { try cluster.master(of: cluster.slot(of: $0)) }
    }

    @Test func needsNoMoreThanTheDocumentedRightsAtSentinels() async throws {
        let servers = try await RedisSentinels.start()
        try allow("The user needs", on: servers.servers)
        try allow("The sentinels' own user needs", on: servers.sentinels)
        var configuration = configuration(port: 0)
        configuration.topology = .sentinel(
            servers.sentinels.map { loopback($0.port) }, service: RedisSentinels.service)
        configuration.credentials = Self.user
        configuration.sentinelCredentials = Self.user
        try await keepsAllPromises(configuration) { _ in servers.servers[0] }
    }

    /// Where and why, never "timed out".
    @Test(
        arguments: [
            ("-hgetall", nil, "refused with NOPERM", "refused with NOPERM"), ("-hget", nil, "refused with NOPERM", nil),
            ("-expire", nil, nil, "refused with NOPERM"), ("-hset", nil, nil, "refused with NOPERM"),
            ("-evalsha", "refused with NOPERM", nil, nil), ("-set", "refused with NOPERM", nil, nil),
            ("-get", "refused with NOPERM", nil, nil),
            ("-eval", nil, "refused with NOPERM", "refused with NOPERM"),
            ("resetkeys ~countersign:{0}:*", nil, "refused with NOPERM", "refused with NOPERM"),
            ("resetkeys ~other:*", "refused with NOPERM", "refused with NOPERM", "refused with NOPERM"),
            (
                "-script|load", "not connected: NOPERM for SCRIPT LOAD", "not connected: NOPERM for SCRIPT LOAD",
                "not connected: NOPERM for SCRIPT LOAD"
            ),
            (
                "-role", "not connected: NOPERM for ROLE", "not connected: NOPERM for ROLE",
                "not connected: NOPERM for ROLE"
            ),
        ] as [(String, String?, String?, String?)])
    func namesTheRightThatIsMissing(rule: String, exchange: String?, reading: String?, revocation: String?) async throws
    {
        let server = try await RedisServer.start()
        let user =
            ["ACL", "SETUSER", "countersign", "on", ">secret", "~*", "+@all"]
            + rule.split(separator: " ").map(String.init)
        #expect(try server.connect().send(user.map { Array($0.utf8) }) == .status("OK"))
        var configuration = configuration(server)
        configuration.credentials = Self.user
        try await withStore(configuration) { store in
            // The second finds what the first has left.
            _ = try? await store.check(within: ample)
            let checked = try await cause { try await store.check(within: ample) }
            let read = try await cause { _ = try await store.revocations(unless: nil, within: ample) }
            let added = try await cause { try await store.checkRevocations(within: ample) }
            #expect(checked?.description == exchange)
            #expect(read?.description == reading)
            #expect(added?.description == revocation)
        }
    }

    /// The only way to know before the associates do.
    @Test func seesThatAServerCannotSave() async throws {
        let folder = TemporaryFolder()
        let server = try await RedisServer.start(arguments: ["--dir", folder.path])
        try await withStore(configuration(server)) { store in
            try await store.check(within: ample)
            // Its name is taken by a folder.
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/dump.rdb", withIntermediateDirectories: false)
            try server.command("CONFIG", "SET", "save", "3600 1")
            try server.command("BGSAVE")
            try await eventually("it has failed") {
                try server.information("persistence").contains("rdb_last_bgsave_status:err")
            }
            try await expect(.refused(code: "MISCONF")) { try await store.check(within: ample) }
            try await expect(.refused(code: "MISCONF")) { try await store.checkRevocations(within: ample) }
            #expect(try await store.revocations(unless: nil, within: ample) != nil, "reading is no writing")
        }
    }

    @Test func namesAScriptOfOthersThatDoesNotEnd() async throws {
        let server = try await RedisServer.start(arguments: ["--busy-reply-threshold", "10"])
        try await withStore(configuration(server)) { store in
            try await store.check(within: ample)
            let script = Task.detached { try server.command("EVAL", "while true do end", "0") }
            try await eventually("it runs") {
                try await cause { try await store.check(within: .milliseconds(100)) } == .refused(code: "BUSY")
            }
            try server.command("SCRIPT", "KILL")
            _ = try await script.value
            try await store.check(within: ample)
        }
    }

    /// Of the server's whole table.
    @Test func namesAServerThatTakesNoMoreClients() async throws {
        let server = try await RedisServer.start(arguments: ["--maxclients", "1"])
        let other = try server.connect()
        try other.send("PING")
        try await withStore(configuration(server)) { store in
            try await expect(.notConnected(detail: "ERR max number of clients reached")) {
                try await store.check(within: ample)
            }
        }
        withExtendedLifetime(other) {}
    }

    private static let user = RedisCredentials(username: "countersign") { "secret" }

    /// Makes the user, with the commands that `docs/operations.md` names after each of `words`.
    private func allow(_ words: String..., on servers: [RedisServer]) throws {
        let file = URL(filePath: #filePath).appending(path: "../../../docs/operations.md").standardized
        let text = try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
        let commands = try words.flatMap { words in
            let start = try #require(text.firstRange(of: "\(words) `")).upperBound
            return text[start...].prefix { $0 != "`" }.split(separator: " ").map { "+\($0.lowercased())" }
        }
        for server in servers {
            let rule = ["ACL", "SETUSER", "countersign", "on", ">secret", "~countersign:*", "-@all"] + commands
            #expect(try server.connect().send(rule.map { Array($0.utf8) }) == .status("OK"))
        }
    }

    private func keepsAllPromises(
        _ configuration: RedisConfiguration, server: @escaping @Sendable (_ key: String) throws -> RedisServer
    ) async throws {
        try await withStore(configuration) { store in
            try await eventually("the servers are found") {
                try await cause { try await store.check(within: ample) } == nil
            }
            let harness = SessionStoreHarness(store: store, now: { clock.now }) { ending in
                let (kind, key) = ending.record
                try server(redisKey(kind, key)).command("DEL", redisKey(kind, key))
            }
            for check in SessionStoreConformance.checks { try await check.run(harness) }
            for check in SharedRecordsConformance.checks { try await check.run(store) }
            try await RevocationStoreConformance.check(store, now: clock.now)
        }
    }

    @Test func tellsTheServersRefusalAndNeverThePassword() async throws {
        let server = try await RedisServer.start(password: "open sesame")
        let log = RecordedLog()
        try await withStore(configuration(server, password: { "open barley" }), logger: log.logger) { store in
            try await expect(.notConnected(detail: "WRONGPASS")) { try await store.check(within: ample) }
        }
        #expect(log.lines == ["warning: Redis not connected cause=WRONGPASS"])
    }

    @Test func tellsThatAPasswordIsMissing() async throws {
        let server = try await RedisServer.start(password: "open sesame")
        try await withStore(configuration(server)) { store in
            try await expect(.notConnected(detail: "NOAUTH")) { try await store.check(within: ample) }
        }
    }

    @Test func tellsThatThePasswordCannotBeRead() async throws {
        let server = try await RedisServer.start()
        struct Unreadable: Error, CustomStringConvertible { let description = "no such variable" }
        try await withStore(configuration(server, password: { throw Unreadable() })) { store in
            try await expect(.notConnected(detail: "password could not be read: no such variable")) {
                try await store.check(within: ample)
            }
        }
    }

    @Test func readsTheRotatedPasswordWhenItConnectsAgain() async throws {
        let server = try await RedisServer.start(password: "second")
        let password = Box("first")
        try await withStore(configuration(server, password: { password.value })) { store in
            try await expect(.notConnected(detail: "WRONGPASS")) { try await store.check(within: ample) }
            password.value = "second"
            try await eventually("the new password is used", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }

    @Test func usesTheRotatedPasswordOfItsUserOnceTheOldConnectionIsKilled() async throws {
        let server = try await RedisServer.start()
        let user = ["ACL", "SETUSER", "countersign", "on", "~*", "+@all"]
        let redis = try server.connect()
        _ = try redis.send((user + [">first"]).map { Array($0.utf8) })
        let password = Box("first")
        let log = RecordedLog()
        var configuration = configuration(server)
        configuration.credentials = RedisCredentials(username: "countersign") { password.value }
        try await withStore(configuration, threads: 1, logger: log.logger) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            _ = try redis.send((user + ["resetpass", ">second"]).map { Array($0.utf8) })
            #expect(try await store.session(key(1), within: ample) != nil, "the old connection stays")
            try redis.send("CLIENT", "KILL", "USER", "countersign")
            try await eventually("the old password is refused") {
                try await cause { try await store.check(within: ample) } == .notConnected(detail: "WRONGPASS")
            }
            password.value = "second"
            try await eventually("the new password is used", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
            #expect(try await store.session(key(1), within: ample) == records(session: 1, answer: 2).session.record)
        }
        #expect(
            log.lines == [
                "info: Redis connected", "warning: Redis not connected cause=connection closed by server",
                "warning: Redis not connected cause=WRONGPASS", "notice: Redis connection restored",
            ])
    }
}

private final class Box: Sendable {
    private let content: Mutex<String>

    init(_ value: String) { content = Mutex(value) }

    var value: String {
        get { content.withLock { $0 } }
        set { content.withLock { $0 = newValue } }
    }
}
