import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// Bounds of the store's own, beside those of a connection.
@Suite(.serialized) struct RedisLimitTests {
    @Test func keepsNoRecordForMoreThanTenYears() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let exchange = records(session: 1, answer: 2, sessionLife: .seconds(1 << 60))
            try await expect(.inserted, from: exchange, in: store)
        }
        #expect(try server.connect().timeToLive(redisKey("session", 1)) <= 315_360_000)
    }

    @Test func refusesWhatFewerReplicasHaveThanAreWaitedFor() async throws {
        let master = try await RedisServer.start(arguments: ["--repl-diskless-sync-delay", "0", "--hz", "100"])
        let replica = try await RedisServer.start(arguments: ["--replicaof", "127.0.0.1 \(master.port)"])
        defer { replica.kill() }
        try await eventually("the replica is in step", within: .seconds(10)) {
            try master.information("replication").contains("state=online")
        }
        var configuration = configuration(master)
        configuration.replication = RedisReplication(replicas: 2, connections: 1, timeout: .seconds(1))
        try await withStore(configuration) { store in
            // On a busy machine the one replica may be late, too.
            try await eventually("one replica has it, and that is not enough", within: .seconds(20)) {
                try await cause {
                    _ = try await store.insertIfAbsent(records(session: 1, answer: 2), replacing: nil, within: ample)
                } == .notReplicated(replicas: 1, wanted: 2)
            }
        }
    }

    @Test func holdsAsManyCommandsForAConnectionAsMayBeUnderWay() async throws {
        var configuration = configuration(try RedisServer.stopped(), maximumInFlight: 3)
        configuration.reconnectWait = .seconds(60)
        try await withStore(configuration, threads: 1) { store in
            let causes = try await withThrowingTaskGroup(of: SessionStoreFailure.Cause?.self) { group in
                for number in 0..<5 {
                    group.addTask {
                        try await cause { _ = try await store.session(key(UInt8(number)), within: .milliseconds(500)) }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(causes.count { $0 == .overloaded } == 2)
        }
    }
}
