import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// With `wait_replicas`, acknowledged means that as many replicas have it.
@Suite(.serialized) struct RedisReplicationTests {
    @Test func acknowledgesWhatReplicasHave() async throws {
        let (master, replica) = try await pair()
        try await withStore(waiting(master)) { store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            #expect(try replica.connect().keys().count == 2)
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 3, answer: 2),
                in: store)
        }
    }

    @Test func refusesWhatNoReplicaHas() async throws {
        let (master, replica) = try await pair()
        try await withStore(waiting(master, timeout: .milliseconds(300))) { store in
            replica.stop()
            let exchange = records(session: 1, answer: 2)
            try await expect(.notReplicated(replicas: 0, wanted: 1)) {
                _ = try await store.insertIfAbsent(exchange, replacing: nil, within: ample)
            }
            // The master has it anyway; so has the replica, once it is back, before the replay is acknowledged.
            try await expect(.notReplicated(replicas: 0, wanted: 1)) {
                _ = try await store.insertIfAbsent(records(session: 3, answer: 2), replacing: nil, within: ample)
            }
            // Others do not wait for replicas.
            #expect(try await store.session(key(1), within: ample) == exchange.session.record)
            replica.resume()
            try await eventually("the replica is back") {
                (try? await store.insertIfAbsent(records(session: 3, answer: 2), replacing: nil, within: ample))
                    == .answered(exchange.answer, session: exchange.session.record)
            }
            #expect(try replica.connect().keys().count == 2)
        }
    }

    @Test func waitsOnConnectionsOfItsOwn() async throws {
        let (master, replica) = try await pair()
        try await withStore(waiting(master), threads: 1) { store in
            try await expect(.inserted, from: records(session: 9, answer: 9), in: store)
            replica.stop()
            async let waiting = cause {
                _ = try await store.insertIfAbsent(records(session: 1, answer: 2), replacing: nil, within: .seconds(2))
            }
            try await eventually("the exchange waits") {
                try clients(of: master).contains { $0.contains("cmd=wait") && $0.contains("flags=b") }
            }
            // Answered although an exchange blocks its connection.
            for _ in 0..<10 { _ = try await store.session(key(9), within: ample) }
            replica.resume()
            #expect(try await waiting == nil)
        }
    }

    /// What is read there may be revoked elsewhere.
    @Test(arguments: [false, true]) func leavesAMasterThatWasDemotedThoughItOnlyReads(isWaiting: Bool) async throws {
        let (master, replica) = try await pair()
        defer { replica.kill() }
        try await withStore(isWaiting ? waiting(master) : configuration(master)) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            try master.command("REPLICAOF", "127.0.0.1", "1")
            try await eventually("nothing is read any more", within: .seconds(5)) {
                try await cause { _ = try await store.session(key(1), within: ample) }
                    == .notConnected(detail: "server is a replica")
            }
            try master.command("REPLICAOF", "NO", "ONE")
            try await eventually("it is master again") {
                (try? await store.session(key(1), within: ample)) != nil
            }
        }
    }

    /// Sooner than it would be asked: one thread, so that both connections are left at the same moment.
    @Test func leavesADemotedMasterWithAllConnectionsOnceOneMayNotWrite() async throws {
        let (master, replica) = try await pair()
        defer { replica.kill() }
        try await withStore(waiting(master), threads: 1) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            try master.command("REPLICAOF", "127.0.0.1", "1")
            try await expect(.notConnected(detail: "server is a replica")) {
                _ = try await store.insertIfAbsent(records(session: 3, answer: 4), replacing: nil, within: ample)
            }
            try await expect(.notConnected(detail: "server is a replica")) {
                _ = try await store.session(key(1), within: ample)
            }
        }
    }

    private func pair() async throws -> (master: RedisServer, replica: RedisServer) {
        let master = try await RedisServer.start(arguments: ["--repl-diskless-sync-delay", "0", "--hz", "100"])
        let replica = try await RedisServer.start(arguments: ["--replicaof", "127.0.0.1 \(master.port)"])
        try await eventually("the replica is in step", within: .seconds(10)) {
            try master.information("replication").contains("state=online")
        }
        return (master, replica)
    }

    private func waiting(_ master: RedisServer, timeout: Duration = ample) -> RedisConfiguration {
        var configuration = configuration(master)
        configuration.replication = RedisReplication(replicas: 1, connections: 2, timeout: timeout)
        return configuration
    }
}
