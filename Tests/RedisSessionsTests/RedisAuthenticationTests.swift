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

    @Test func authenticatesAsUserOfTheAccessControl() async throws {
        let server = try await RedisServer.start()
        try server.command(
            "ACL", "SETUSER", "countersign", "on", ">secret", "~countersign:*", "-@all", "+auth", "+select",
            "+client|setname", "+role", "+script|load", "+eval", "+evalsha", "+get", "+set", "+del", "+ping")
        var configuration = configuration(server)
        configuration.credentials = RedisCredentials(username: "countersign") { "secret" }
        try await withStore(configuration) { store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 3, answer: 2),
                in: store)
            try await store.check(within: ample)
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
        struct Unreadable: Error {}
        try await withStore(configuration(server, password: { throw Unreadable() })) { store in
            try await expect(.notConnected(detail: "password could not be read")) {
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
