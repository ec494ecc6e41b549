import RedisSessions
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// Servers that say what no server should: nothing traps, nobody waits forever, and once they recover so does the store.
@Suite(.serialized) struct StrangeServerTests {
    private static let deep = String(repeating: "*1\r\n", count: 40) + ":1\r\n"

    private static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

    private static func array(_ parts: String...) -> String { "*\(parts.count)\r\n\(parts.joined())" }

    // MARK: Replies

    @Test(arguments: [
        "*2147483647\r\n", "*-2\r\n", "$-2\r\n", "$99999999999999999999\r\nx", deep,
        "%1\r\n+a\r\n+b\r\n",
        ":1\r\n", "*0\r\n", "+OK\r\n", "_\r\n", "\u{FF}\u{FE}\r\n",
    ])
    func costsOneCallerOneReplyThatIsNone(reply: String) async throws {
        let fake = try await FakeRedis.start { words, _ in
            if let greeting = FakeRedis.greeting(words) { return greeting }
            return .bytes(words.last == redisKey("session", 1) ? reply : Self.bulk("x"))
        }
        try await withStore(configuration(port: fake.port, commandTimeout: .milliseconds(100)), threads: 1) { store in
            async let other = store.session(key(2), within: ample)
            try await expect(.unexpectedReply) { _ = try await store.session(key(1), within: ample) }
            #expect(try await other == SealedRecord(bytes: Array("x".utf8)))
            #expect(try await store.session(key(2), within: ample) == SealedRecord(bytes: Array("x".utf8)))
        }
    }

    @Test(arguments: ["$9223372036854775807\r\nx", "$5\r\nab", "*1\r\n", "+O"])
    func givesUpAReplyWhoseEndNeverComes(reply: String) async throws {
        // A connection with half a reply brings nothing else: more bytes would end the reply.
        let halves = Mutex<Set<Int>>([])
        let fake = try await FakeRedis.start { words, connection in
            if let greeting = FakeRedis.greeting(words) { return greeting }
            return halves.withLock { halves in
                if halves.contains(connection) { return .nothing }
                guard words.last == redisKey("session", 1) else { return .bytes(Self.bulk("x")) }
                halves.insert(connection)
                return .bytes(reply)
            }
        }
        try await withStore(configuration(port: fake.port, commandTimeout: .milliseconds(50)), threads: 1) { store in
            async let lost = cause { _ = try await store.session(key(1), within: .seconds(2)) }
            let record = try await store.session(key(2), within: ample)
            #expect(record == SealedRecord(bytes: Array("x".utf8)))
            #expect([.timedOut, .notConnected(detail: ConnectionFault.hung.detail)].contains(try await lost))
        }
    }

    @Test(arguments: [
        ("-NOPERM this user has no permissions to run the 'get' command\r\n", "NOPERM"),
        (
            "-ERR The user executing the script can't run this command or subcommand script: 1f, on @user_script:1.\r\n",
            "NOPERM"
        ),
        ("-ERR ACL failure in script: User u has no permissions to run the 'set' command\r\n", "NOPERM"),
        ("-ERR max number of clients reached\r\n", "ERR max number of clients reached"),
        ("-ERR unknown command 'GET', with args beginning with: 'a secret'\r\n", "ERR unknown command"),
        ("-MISCONF Redis is configured to save RDB snapshots, but\r\n", "MISCONF"),
        ("-ERR 'a secret' is wrong\r\n", "ERR"),
        ("-\(String(repeating: "X", count: 33)) x\r\n", "ERR"), ("-secret:value\r\n", "ERR"),
        ("-caf\u{E9} x\r\n", "ERR"),
        ("-MOVED 16384 127.0.0.1:1\r\n", "MOVED"), ("-MOVED 1 127.0.0.1:0\r\n", "MOVED"),
        ("-ASK -1 127.0.0.1:99999\r\n", "ASK"), ("-MOVED 1 \(String(repeating: "h", count: 300)):1\r\n", "MOVED"),
    ])
    func namesAnErrorWithoutWhatItQuotes(error: String, code: String) async throws {
        let fake = try await FakeRedis.start { words, _ in FakeRedis.greeting(words) ?? .bytes(error) }
        try await withStore(configuration(port: fake.port)) { store in
            try await expect(.refused(code: code)) { _ = try await store.session(key(1), within: ample) }
        }
    }

    // MARK: Greetings

    @Test(arguments: [
        ("ROLE", deep, "reply is not RESP2, or too long"), ("ROLE", "*0\r\n", "reply is not RESP2, or too long"),
        ("ROLE", "*1\r\n:9223372036854775807\r\n", "reply is not RESP2, or too long"),
        ("ROLE", bulk("x"), "reply is not RESP2, or too long"),
        ("ROLE", array(bulk("slave"), bulk("h"), ":1\r\n"), "server is a replica"),
        ("SCRIPT", bulk(String(repeating: "a", count: 41)), "reply is not RESP2, or too long"),
        ("SCRIPT", "$-1\r\n", "reply is not RESP2, or too long"),
        ("SCRIPT", "-NOPERM this user\r\n", "NOPERM for SCRIPT LOAD"),
        ("CLIENT", "-NOPERM this user\r\n", "NOPERM for CLIENT SETNAME"),
        ("CLIENT", "-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
        ("CLIENT", "-BUSY Redis is busy running a script.\r\n", "BUSY"),
        ("CLIENT", "-NOAUTH Authentication required.\r\n", "NOAUTH"),
    ])
    func saysWhyAServerCannotBeUsed(command: String, reply: String, detail: String) async throws {
        let isWell = Atomic(false)
        let fake = try await FakeRedis.start { words, _ in
            if words[0] == command, !isWell.load(ordering: .relaxed) { return .bytes(reply) }
            return FakeRedis.greeting(words) ?? .bytes("$-1\r\n")
        }
        let log = RecordedLog()
        try await withStore(configuration(port: fake.port), logger: log.logger) { store in
            try await expect(.notConnected(detail: detail)) { _ = try await store.session(key(1), within: ample) }
            isWell.store(true, ordering: .relaxed)
            try await eventually("all is well") {
                try await cause { _ = try await store.session(key(1), within: ample) } == nil
            }
            try await eventually("it is told") { log.lines.last == "notice: Redis connection restored" }
        }
        #expect(log.lines == ["warning: Redis not connected cause=\(detail)", "notice: Redis connection restored"])
    }

    @Test func saysThatTheServerIsInProtectedMode() async throws {
        let fake = try await FakeRedis.start { _, _ in
            .last("-DENIED Redis is running in protected mode because protected mode is enabled\r\n")
        }
        try await withStore(configuration(port: fake.port)) { store in
            try await expect(.notConnected(detail: "DENIED")) { try await store.check(within: ample) }
        }
    }

    /// As where a proxy has forgotten who we are.
    @Test func logsInAgainWhereAnOpenConnectionIsNotLoggedInAnyMore() async throws {
        let fake = try await FakeRedis.start { words, connection in
            FakeRedis.greeting(words)
                ?? .bytes(connection == 0 ? "-NOAUTH Authentication required.\r\n" : "$1\r\nx\r\n")
        }
        try await withStore(configuration(port: fake.port), threads: 1) { store in
            let record = try await store.session(key(1), within: ample)
            #expect(record == SealedRecord(bytes: Array("x".utf8)))
        }
    }

    // MARK: Guides

    private static let ports = ["0", "-1", "65536", "9223372036854775807", "99999999999999999999", "x", ""]

    @Test(
        arguments: ports.map { ["127.0.0.1", $0, "1"] } + [
            ["", "6379", "1"], [String(repeating: "h", count: 254), "6379", "1"], ["a b", "6379", "1"],
            ["\u{1F4A9}", "6379", "1"],
            ["127.0.0.1", "6379", "99999999999999999999"], ["127.0.0.1", "6379", "x"],
        ])
    func believesNoSentinelThatNamesWhatCanBeNoServer(answer: [String]) async throws {
        let server = try await RedisServer.start()
        let isWell = Atomic(false)
        let fake = try await FakeRedis.start { words, _ in
            if let greeting = FakeRedis.greeting(words) { return greeting }
            let master = isWell.load(ordering: .relaxed) ? ["127.0.0.1", "\(server.port)", "1"] : answer
            return .bytes(
                words[1] == "MASTER"
                    ? Self.array(Self.bulk("config-epoch"), Self.bulk(master[2]))
                    : Self.array(Self.bulk(master[0]), Self.bulk(master[1])))
        }
        var configuration = configuration(server)
        configuration.topology = .sentinel([loopback(fake.port)], service: "s")
        try await withStore(configuration) { store in
            try await expect(.notConnected(detail: ConnectionFault.noMaster.detail)) {
                try await store.check(within: ample)
            }
            isWell.store(true, ordering: .relaxed)
            try await eventually("the master is found") {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }

    private static func slots(_ first: String, _ last: String, _ host: String, _ port: String) -> String {
        array(":\(first)\r\n", ":\(last)\r\n", array(bulk(host), ":\(port)\r\n"))
    }

    @Test(
        arguments: [
            slots("0", "16384", "127.0.0.1", "6379"), slots("-1", "1", "127.0.0.1", "6379"),
            slots("2", "1", "127.0.0.1", "6379"),
            slots("0", "9223372036854775807", "127.0.0.1", "6379"), slots("0", "1", "127.0.0.1", "0"),
            slots("0", "1", "127.0.0.1", "65536"), slots("0", "1", "127.0.0.1", "-9223372036854775808"),
            slots("0", "1", String(repeating: "h", count: 1000), "6379"), bulk("x"), "*0\r\n", deep,
        ].map { array($0) } + [
            "*1001\r\n" + (0...1000).map { slots("\($0)", "\($0)", "127.0.0.1", "\($0 + 1)") }.joined(), "*0\r\n", deep,
            "*1000000\r\n",
        ])
    func believesNoMapThatCanBeNone(reply: String) async throws {
        let isWell = Atomic(false)
        let port = Mutex(0)
        let fake = try await FakeRedis.start { words, _ in
            if words[0] == "CLUSTER" {
                guard isWell.load(ordering: .relaxed) else { return .bytes(reply) }
                return .bytes(Self.array(Self.slots("0", "16383", "127.0.0.1", "\(port.withLock { $0 })")))
            }
            return FakeRedis.greeting(words) ?? .bytes("$-1\r\n")
        }
        port.withLock { $0 = fake.port }
        var configuration = configuration(port: fake.port)
        configuration.topology = .cluster([loopback(fake.port)])
        try await withStore(configuration) { store in
            try await expect(.notConnected(detail: ConnectionFault.slotNotCovered.detail)) {
                _ = try await store.session(key(1), within: ample)
            }
            isWell.store(true, ordering: .relaxed)
            try await eventually("the map is read") {
                try await cause { _ = try await store.session(key(1), within: ample) } == nil
            }
        }
    }
}
