import NIOCore
import NIOPosix
import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// What is in Redis after an operation, and what the store makes of what it finds there.
@Suite(.serialized) struct RedisRecordsTests {
    @Test func keepsRecordsUnderTheirNamesWithTheirLives() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let exchange = records(
                session: 1, answer: 2, sessionLife: .milliseconds(99_001), answerLife: .milliseconds(49_999))
            try await expect(.inserted, from: exchange, in: store)
        }
        let redis = try server.connect()
        #expect(try redis.keys() == [redisKey("answer", 2), redisKey("session", 1)])
        #expect([99, 100].contains(try redis.timeToLive(redisKey("session", 1))))
        #expect([48, 49].contains(try redis.timeToLive(redisKey("answer", 2))))
        #expect(try redis.value(redisKey("session", 1)) == [1, 1, 2])
        #expect(try redis.value(redisKey("answer", 2)) == Array(name(1).utf8) + [1, 2, 3])
    }

    @Test func roundsTheLifeOfASessionUpToAWholeSecond() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let session = records(session: 1, answer: 2, sessionLife: .milliseconds(1)).session
            try await store.insertIfAbsent(session, within: ample)
            #expect(try await store.session(key(1), within: ample) == session.record)
        }
    }

    @Test func keepsNoAnswerThatLivesLessThanASecond() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let exchange = records(session: 1, answer: 2, answerLife: .milliseconds(999))
            try await expect(.inserted, from: exchange, in: store)
        }
        #expect(try server.connect().keys() == [redisKey("session", 1)])
    }

    @Test func keepsTheLongestLivesThatRedisTakes() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let exchange = records(session: 1, answer: 2, sessionLife: .seconds(1 << 60), answerLife: .seconds(1 << 53))
            try await expect(.inserted, from: exchange, in: store)
        }
        #expect(try server.connect().timeToLive(redisKey("session", 1)) > 300_000_000)
    }

    @Test(arguments: [0, 1, 42, 43])
    func overwritesAnAnswerTooShortToBeOurs(length: Int) async throws {
        let server = try await RedisServer.start()
        try server.command("SET", redisKey("answer", 2), String(repeating: "x", count: length))
        try await withStore(configuration(server)) { store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 3, answer: 2),
                in: store)
        }
    }

    @Test func usesPrefixAndDatabaseOfTheConfiguration() async throws {
        let server = try await RedisServer.start()
        var configuration = configuration(server)
        configuration.keyPrefix = "staging"
        configuration.database = 3
        try await withStore(configuration) { store in
            try await store.insertIfAbsent(records(session: 1, answer: 2).session, within: ample)
        }
        let redis = try server.connect()
        #expect(try redis.keys() == [])
        try redis.send("SELECT", "3")
        #expect(try redis.keys() == [redisKey("session", 1, prefix: "staging")])
    }

    @Test func writesNothingWhereRedisIsOutOfMemory() async throws {
        let server = try await RedisServer.start(arguments: ["--maxmemory-policy", "noeviction"])
        let redis = try server.connect()
        try redis.send("SET", "filler", String(repeating: "x", count: 2 << 20))
        try await withStore(configuration(server)) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            try redis.send("CONFIG", "SET", "maxmemory", "1mb")
            let before = try redis.keys()
            for (answer, life) in [(UInt8(2), 50), (4, 50), (4, 0)] {
                let exchange = records(session: 3, answer: answer, answerLife: .seconds(life))
                try await expect(.refused(code: "OOM")) {
                    _ = try await store.insertIfAbsent(exchange, replacing: nil, within: ample)
                }
            }
            try await expect(.refused(code: "OOM")) {
                try await store.insertIfAbsent(records(session: 3, answer: 4).session, within: ample)
            }
            #expect(try redis.keys() == before)
            #expect(try await store.session(key(1), within: ample) == records(session: 1, answer: 2).session.record)
        }
    }

    @Test func givesTheScriptBackToAServerThatForgotIt() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try server.command("SCRIPT", "FLUSH")
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 3, answer: 2),
                in: store)
            try server.command("CONFIG", "RESETSTAT")
            try await expect(.inserted, from: records(session: 3, answer: 4), in: store)
        }
        guard case .bulk(let statistics) = try server.command("INFO", "commandstats") else { return }
        #expect(!String(decoding: statistics, as: UTF8.self).contains("cmdstat_eval:"))
    }

    // MARK: What others have written

    private static let foreign = SealedRecord(bytes: [0])

    /// It counts as a record that cannot be read: absent, and replaced by who may.
    @Test func takesWhatIsNoStringForARecordThatCannotBeRead() async throws {
        let server = try await RedisServer.start()
        for (kind, number) in [("session", UInt8(1)), ("answer", 2), ("shared", 3), ("shared", 4)] {
            try server.command("RPUSH", redisKey(kind, number), "x")
        }
        try await withStore(configuration(server)) { store in
            #expect(try await store.session(key(1), within: ample) == Self.foreign)
            let exchange = records(session: 5, answer: 2)
            try await expect(.answered(Self.foreign, session: Self.foreign), from: exchange, in: store)
            #expect(
                try await store.insertIfAbsent(exchange, replacing: Self.foreign, within: ample) == .inserted)
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 6, answer: 2),
                in: store)
            for number in [UInt8(3), 4] { #expect(try await store.value(of: key(number), within: ample) == [0]) }
            let life = Duration.seconds(10)
            #expect(try await store.insertIfAbsent([7], under: key(3), for: life, within: ample) == [0])
            #expect(try await store.replace([0], under: key(3), with: [7], for: life, within: ample))
            #expect(try await !store.replace([8], under: key(4), with: [7], for: life, within: ample))
            #expect(try await store.value(of: key(3), within: ample) == [7])
            try await store.revoke(key(1), until: clock.now + .seconds(60), within: ample)
            #expect(try await store.session(key(1), within: ample) == nil)
        }
    }

    @Test func mintsAgainWhereTheSessionOfAnAnswerIsNoString() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            try server.command("DEL", redisKey("session", 1))
            try server.command("SADD", redisKey("session", 1), "x")
            try await expect(.inserted, from: records(session: 3, answer: 2), in: store)
        }
    }

    @Test(arguments: ["answer", "session"]) func countsWhatIsLongerThanOursAsAbsent(kind: String) async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server), threads: 1) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            let connections = try clients(of: server).map { $0.prefix { $0 != " " } }
            try server.command("SETRANGE", redisKey(kind, kind == "answer" ? 2 : 1), "20000000", "x")
            let exchange = records(session: 3, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 4, answer: 2),
                in: store)
            #expect(try clients(of: server).map { $0.prefix { $0 != " " } } == connections, "the connection is kept")
        }
    }

    @Test func logsInAndIntrospectsWhateverIsInTheStore() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let bench = ExchangeBench(clock: clock, store: store)
            let token = try bench.token.signed(by: TestKeys.rs256)
            _ = await bench.exchange(token)
            let redis = try server.connect()
            for key in try redis.keys() {
                try redis.send("DEL", key)
                try redis.send("HSET", key, "a", "b")
            }
            let identity = try #require(await bench.exchange(token).externalIdentity)
            #expect(await bench.exchange(token).externalIdentity == identity)
            #expect(bench.unreadableRecords.count(of: .corrupt) == 1)
            guard case .active = try await bench.introspect(identity) else {
                Issue.record("not active")
                return
            }
        }
    }

    @Test func commandOfAnEventLoopTakesTheConnectionOfThatLoop() async throws {
        let server = try await RedisServer.start()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let store = RedisSessionStore(
            configuration(server), eventLoopGroup: group, time: clock.time,
            logger: quiet)
        let running = Task { await store.run() }
        try await eventually("three connections") { try clients(of: server).count == 3 }
        let reading = Task(executorPreference: LoopExecutor(eventLoop: group.next())) {
            for _ in 0..<9 { _ = try await store.session(key(1), within: ample) }
        }
        try await reading.value
        #expect(try clients(of: server).filter { $0.contains("cmd=get") }.count == 1)
        running.cancel()
        await running.value
        try await group.shutdownGracefully()
    }
}

/// The server's lines about the connections of stores.
func clients(of server: RedisServer) throws -> [String] {
    guard case .bulk(let list) = try server.command("CLIENT", "LIST") else { return [] }
    return String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
        .filter { $0.contains("name=countersign ") && !$0.contains("cmd=client") }
}

/// Runs a task on the thread of an event loop.
private final class LoopExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
