import RedisSessions
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// A server, or a connection to it, that says nothing for a while: what it costs, and that it costs nothing else.
@Suite(.serialized) struct RedisStallTests {
    /// Silent connections are found soon, and the tests with it.
    private static let silence = Duration.milliseconds(100)

    // MARK: The server stalls

    @Test(arguments: ["WRITE", "ALL"]) func waitsForAServerThatPauses(kind: String) async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server, commandTimeout: Self.silence), threads: 1) { store in
            let before = records(session: 1, answer: 2)
            try await expect(.inserted, from: before, in: store)
            try server.command("CLIENT", "PAUSE", "600", kind)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in UInt8(10)..<40 {
                    group.addTask {
                        let exchange = records(session: number, answer: number + 100)
                        // Another connection may have been tried meanwhile, and the exchange with it.
                        let stored = ExchangeInsertion.answered(exchange.answer, session: exchange.session.record)
                        let outcome = try await store.insertIfAbsent(exchange, replacing: nil, within: ample)
                        #expect(outcome == .inserted || outcome == stored)
                        #expect(try await store.session(exchange.session.key, within: ample) == exchange.session.record)
                    }
                }
                group.addTask {
                    let record = try await store.session(key(1), within: ample)
                    #expect(record == before.session.record)
                }
                try await group.waitForAll()
            }
            try await eventually("no connection is left over") { try clients(of: server).count == 1 }
        }
        #expect(try server.connect().keys().count == 62)
    }

    @Test func answersWhatWaitedForAServerThatWasStopped() async throws {
        let server = try await RedisServer.start()
        let log = RecordedLog()
        let configuration = configuration(server, commandTimeout: Self.silence)
        try await withStore(configuration, threads: 1, logger: log.logger) { store in
            try await store.check(within: ample)
            server.stop()
            let patient = Task {
                try await store.insertIfAbsent(records(session: 1, answer: 2), replacing: nil, within: ample)
            }
            // A caller with less time goes without.
            try await expect(.timedOut) { try await store.check(within: .milliseconds(50)) }
            try await eventually("no other connection can be opened") {
                log.lines.contains("warning: Redis not connected cause=handshake timed out")
            }
            let late = Task {
                try await store.insertIfAbsent(records(session: 3, answer: 4), replacing: nil, within: ample)
            }
            server.resume()
            for waiting in [patient, late] { _ = try await waiting.value }
            try await eventually("all is well") { log.lines.last == "notice: Redis connection restored" }
            try await eventually("no connection is left over") { try clients(of: server).count == 1 }
        }
        #expect(try server.connect().keys().filter { $0.contains("session") }.count == 2)
    }

    @Test func takesNoMoreThanItsBoundWhileTheServerIsStopped() async throws {
        let server = try await RedisServer.start()
        let configuration = configuration(server, commandTimeout: Self.silence, maximumInFlight: 8)
        try await withStore(configuration, threads: 1) { store in
            try await store.check(within: ample)
            server.stop()
            let waiting = (0..<8).map { _ in
                Task { try await cause { _ = try await store.session(key(1), within: ample) } }
            }
            try await eventually("the bound is reached") {
                try await cause { _ = try await store.session(key(1), within: .milliseconds(20)) } == .overloaded
            }
            server.resume()
            for caller in waiting { #expect(try await caller.value != .timedOut) }
        }
    }

    // MARK: A connection dies without a word

    @Test func sendsOnAnotherConnectionWhatADeadOneNeverAnswers() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let log = RecordedLog()
        let configuration = configuration(port: proxy.port, commandTimeout: Self.silence)
        try await withStore(configuration, threads: 1, logger: log.logger) { store in
            try await store.check(within: ample)
            proxy.strand()
            let exchange = records(session: 1, answer: 2)
            let outcome = try await store.insertIfAbsent(exchange, replacing: nil, within: .seconds(3))
            // The server has had it on the dead connection already.
            #expect(outcome == .answered(exchange.answer, session: exchange.session.record))
            try await store.check(within: ample)
            try await eventually("the dead connection is closed") { try clients(of: server).count == 1 }
        }
        try await proxy.close()
    }

    /// Before anybody needs it.
    @Test(arguments: [false, true]) func findsADeadConnectionThatNobodyUses(isBlocking: Bool) async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        var configuration = configuration(port: proxy.port, commandTimeout: Self.silence)
        if isBlocking {
            configuration.replication = RedisReplication(replicas: 0, connections: 1, timeout: Self.silence)
        }
        let count = isBlocking ? 2 : 1
        try await withStore(configuration, threads: 1) { store in
            try await eventually("it is connected") { try clients(of: server).count == count }
            let before = try Set(clients(of: server).map { $0.prefix { $0 != " " } })
            proxy.strand()
            try await eventually("all connections are others") {
                let now = try Set(clients(of: server).map { $0.prefix { $0 != " " } })
                return now.count == count && now.isDisjoint(with: before)
            }
        }
        try await proxy.close()
    }

    @Test func usesTheConnectionOfAnotherEventLoopWhileItsOwnIsSilent() async throws {
        let first = Mutex<Int?>(nil)
        let fake = try await FakeRedis.start { words, connection in
            if let reply = FakeRedis.greeting(words), words[0] != "ROLE" || first.withLock({ $0 }) != connection {
                return reply
            }
            guard words[0] == "GET" else { return .nothing }
            let isFirst = first.withLock { first in
                first = first ?? connection
                return first == connection
            }
            return isFirst ? .nothing : .bytes("$1\r\nx\r\n")
        }
        var configuration = configuration(port: fake.port, commandTimeout: Self.silence)
        // No other can be opened beside the silent one.
        configuration.connectTimeout = .milliseconds(10)
        try await withStore(configuration, threads: 2) { store in
            for _ in 0..<20 { _ = try await store.session(key(1), within: .seconds(3)) }
        }
    }

    // MARK: The server goes and comes back

    @Test func waitsForAServerThatIsRestarted() async throws {
        let server = try await RedisServer.start()
        var configuration = configuration(server)
        configuration.reconnectWait = ample
        try await withStore(configuration) { store in
            try await store.check(within: ample)
            server.kill()
            let waiting = (UInt8(1)...20).map { number in
                Task {
                    try await store.insertIfAbsent(
                        records(session: number, answer: number + 100), replacing: nil, within: ample)
                }
            }
            try await server.restart()
            for exchange in waiting { #expect(try await exchange.value == .inserted) }
        }
    }

    @Test func waitsForAServerThatLoadsItsData() async throws {
        let server = try await RedisServer.start(arguments: [
            "--enable-debug-command", "yes", "--key-load-delay", "2000", "--loading-process-events-interval-bytes",
            "1024",
        ])
        try server.command("DEBUG", "POPULATE", "400", "other", "100")
        var configuration = configuration(server)
        configuration.reconnectWait = ample
        try await withStore(configuration, threads: 1) { store in
            try await store.check(within: ample)
            let reload = Task.detached { try server.command("DEBUG", "RELOAD") }
            try await eventually("it loads") {
                try await cause { _ = try await store.session(key(1), within: .milliseconds(20)) }
                    == .refused(code: "LOADING")
            }
            #expect(try await store.session(key(1), within: ample) == nil)
            _ = try await reload.value
        }
    }

    @Test func failsAtOnceInAnOutageThatIsOld() async throws {
        let server = try RedisServer.stopped()
        var configuration = configuration(server)
        configuration.reconnectWait = .milliseconds(100)
        let refused = SessionStoreFailure.Cause.notConnected(detail: "connection refused: 127.0.0.1:\(server.port)")
        try await withStore(configuration) { store in
            try await expect(refused) { try await store.check(within: ample) }
            let start = ContinuousClock.now
            for _ in 0..<100 { try await expect(refused) { try await store.check(within: ample) } }
            #expect(ContinuousClock.now - start < .seconds(5), "who waited would take longer each time")
        }
    }

    @Test func boundsWhatWaitsForAServerThatHasGone() async throws {
        let server = try await RedisServer.start()
        var configuration = configuration(server, maximumInFlight: 8)
        configuration.reconnectWait = ample
        try await withStore(configuration, threads: 1) { store in
            try await store.check(within: ample)
            server.kill()
            let refused = CallCount()
            var waiting: [Task<SessionStoreFailure.Cause?, any Error>] = []
            try await eventually("the bound is reached") {
                let caller = Task {
                    let cause = try await cause { _ = try await store.session(key(1), within: ample) }
                    if cause == .overloaded { _ = refused.next() }
                    return cause
                }
                waiting.append(caller)
                return try await cause { _ = try await store.session(key(1), within: .milliseconds(20)) } == .overloaded
            }
            // One that has not asked yet would be served after the restart.
            try await eventually("all others are refused") { refused.count == waiting.count - 8 }
            try await server.restart()
            var served = 0
            for caller in waiting {
                let cause = try await caller.value
                #expect(cause == nil || cause == .overloaded)
                if cause == nil { served += 1 }
            }
            #expect(served == 8)
        }
    }

    // MARK: Once

    /// Whatever is cut, killed and sent again: one identity token, one external identity, one session.
    @Test func mintsOnceForConcurrentDuplicatesThoughConnectionsBreak() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        try await withStore(configuration(port: proxy.port, commandTimeout: Self.silence)) { store in
            let bench = ExchangeBench(providers: [.vipLoyalty(deadline: .seconds(30))], clock: clock, store: store)
            for round in 0..<20 {
                let token = try bench.token.claim("jti", .string("\(round)")).signed(by: TestKeys.rs256)
                let answers = try await withThrowingTaskGroup(of: ExternalIdentity?.self) { group in
                    for _ in 0..<8 { group.addTask { await bench.exchange(token).externalIdentity } }
                    switch round % 3 {
                    case 0: proxy.cut(afterBytes: 20 * round)
                    case 1: proxy.disconnect()
                    default: proxy.strand()
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.count == 8 && answers[0] != nil && answers.allSatisfy { $0 == answers[0] })
            }
        }
        #expect(try server.connect().keys().filter { $0.contains(":session:") }.count == 20)
        try await proxy.close()
    }
}
