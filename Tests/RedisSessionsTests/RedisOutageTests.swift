import Logging
import NIOCore
import NIOPosix
import RedisSessions
import ServiceLifecycle
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisOutageTests {
    @Test func failsFastWhileTheServerIsGoneAndHealsWithinTwoSeconds() async throws {
        let server = try await RedisServer.start()
        let log = RecordedLog()
        try await withStore(configuration(server), logger: log.logger) { store in
            try await store.check(within: ample)
            server.kill()
            let refused = SessionStoreFailure.Cause.notConnected(
                detail: "connection refused: 127.0.0.1:\(server.port)")
            try await eventually("the store knows why") {
                try await cause { try await store.check(within: ample) } == refused
            }
            let clock = ContinuousClock()
            let start = clock.now
            for _ in 0..<100 {
                let failure = try await cause { try await store.check(within: ample) }
                #expect(isNotConnected(failure))
            }
            #expect(clock.now - start < .seconds(2), "a connection that is awaited would take longer each time")
            try await server.restart()
            try await eventually("all connections are back", within: .seconds(2)) {
                log.lines.last == "notice: Redis connection restored"
            }
            for _ in 0..<4 { try await store.check(within: ample) }
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
        }
        #expect(log.lines.filter { $0.hasPrefix("notice") }.count == 1)
        #expect((1...3).contains(log.lines.filter { $0.hasPrefix("warning") }.count))
    }

    @Test func healsWhereTheServerWasDownAtTheStart() async throws {
        let server = try RedisServer.stopped()
        try await withStore(configuration(server)) { store in
            try await expect(.notConnected(detail: "connection refused: 127.0.0.1:\(server.port)")) {
                try await store.check(within: ample)
            }
            try await server.restart()
            try await eventually("the store is back", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }

    @Test func seesThatAServerAnswersButTakesNothing() async throws {
        let server = try await RedisServer.start()
        try server.command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@all", "-set")
        try await withStore(configuration(server)) { store in
            try await store.check(within: ample)
            try server.command("CONFIG", "SET", "maxmemory", "1")
            try await expect(.refused(code: "OOM")) { try await store.check(within: ample) }
            try server.command("CONFIG", "SET", "maxmemory", "0")
            try await store.check(within: ample)
            #expect((1...60_000).contains(try server.connect().life("countersign:{0}:probe")))
        }
        var configuration = configuration(server)
        configuration.credentials = RedisCredentials(username: "reader") { "secret" }
        try await withStore(configuration) { store in
            try await expect(.refused(code: "NOPERM")) { try await store.check(within: ample) }
        }
    }

    @Test func commandsWaitForTheFirstConnection() async throws {
        let server = try await RedisServer.start()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let store = RedisSessionStore(
            configuration(server), eventLoopGroup: group, time: clock.time,
            logger: quiet)
        try await expect(.timedOut) { try await store.check(within: .milliseconds(20)) }
        async let early: Void = store.check(within: ample)
        let running = Task { await store.run() }
        try await early
        running.cancel()
        await running.value
        try await expect(.notConnected(detail: "client is shut down")) { try await store.check(within: ample) }
        try await group.shutdownGracefully()
    }

    @Test func endsWithinTheCallersBudgetAndKeepsTheConnection() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server), threads: 1) { store in
            try await store.insertIfAbsent(records(session: 1, answer: 2).session, within: ample)
            let before = try clients(of: server).map(identifier)
            server.stop()
            let clock = ContinuousClock()
            let start = clock.now
            try await expect(.timedOut) { try await store.check(within: .milliseconds(30)) }
            #expect(clock.now - start < .seconds(2))
            server.resume()
            #expect(try await store.session(key(1), within: ample) == SealedRecord(bytes: [1, 1, 2]))
            #expect(try await store.session(key(9), within: ample) == nil)
            #expect(try clients(of: server).map(identifier) == before)
        }
    }

    @Test func refusesMoreThanItsConnectionsMayHaveInFlight() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server, commandTimeout: .milliseconds(250), maximumInFlight: 8), threads: 1) {
            store in
            try await store.check(within: ample)
            server.stop()
            let causes = try await withThrowingTaskGroup(of: SessionStoreFailure.Cause?.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await cause { try await store.check(within: .milliseconds(500)) } }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(causes.filter { $0 == .timedOut }.count == 8)
            #expect(causes.filter { $0 == .overloaded }.count == 12)
            server.resume()
        }
    }

    @Test func finishesWhatIsInFlightAtGracefulShutdown() async throws {
        let server = try await RedisServer.start()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let store = RedisSessionStore(configuration(server), eventLoopGroup: group, time: clock.time, logger: quiet)
        let services = ServiceGroup(services: [store], logger: quiet)
        let running = Task { try await services.run() }
        try await store.check(within: ample)
        try server.command("CLIENT", "PAUSE", "300", "WRITE")
        let inserted = Task {
            try await store.insertIfAbsent(records(session: 1, answer: 2), replacing: nil, within: ample)
        }
        try await eventually("the command has reached the server") {
            try clients(of: server).contains { $0.contains("cmd=evalsha") }
        }
        await services.triggerGracefulShutdown()
        #expect(try await inserted.value == .inserted)
        try await running.value
        try await eventually("the server sees the connection closed") { try clients(of: server) == [] }
        try await group.shutdownGracefully()
    }

    private func isNotConnected(_ cause: SessionStoreFailure.Cause?) -> Bool {
        if case .notConnected = cause { true } else { false }
    }

    private func identifier(_ client: String) -> Substring { client.prefix { $0 != " " } }
}
