import RedisSessions
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisSentinelTests {
    @Test func keepsAllPromisesOfTheStore() async throws {
        let servers = try await RedisSentinels.start()
        try await withStore(configuration(servers)) { store in
            let harness = SessionStoreHarness(store: store, now: { clock.now }) { ending in
                let (kind, key) = ending.record
                try servers.servers[0].command("DEL", redisKey(kind, key))
            }
            for check in SessionStoreConformance.checks { try await check.run(harness) }
            for check in SharedRecordsConformance.checks { try await check.run(store) }
        }
    }

    @Test func followsAFailover() async throws {
        let servers = try await RedisSentinels.start(password: "secret")
        let log = RecordedLog()
        try await withStore(configuration(servers, password: "secret"), logger: log.logger) { store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await servers.failOver()
            try await eventually("the successor is asked", within: .seconds(2)) {
                (try? await store.insertIfAbsent(records(session: 3, answer: 2), replacing: nil, within: ample))
                    == .answered(exchange.answer, session: exchange.session.record)
            }
            let successor = "notice: Redis master server=127.0.0.1:\(try servers.masterPort())"
            try await eventually("the store has noticed", within: .seconds(2)) { log.lines.contains(successor) }
            try await expect(.inserted, from: records(session: 5, answer: 6), in: store)
            #expect(try servers.master().connect().keys().count == 4)
        }
        #expect(log.lines.filter { $0.hasPrefix("notice: Redis master") }.count == 2)
    }

    @Test func followsTheSentinelsWhenTheMasterDies() async throws {
        let servers = try await RedisSentinels.start()
        try await withStore(configuration(servers, commandTimeout: .milliseconds(250))) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
            let former = try servers.master()
            try await eventually("the replica has it") { try servers.servers[1].connect().keys().count == 2 }
            former.kill()
            try await servers.waitForSuccessor(of: former.port)
            try await eventually("the successor is asked", within: .seconds(2)) {
                (try? await store.session(key(1), within: ample)) == records(session: 1, answer: 2).session.record
            }
        }
    }

    /// As where all sentinels but one's reach were lost with a master that does not know yet that it was replaced.
    @Test func outvotesASentinelThatIsBehind() async throws {
        let servers = try await RedisSentinels.start()
        let stranger = try await RedisServer.start()
        try servers.sentinels[0].command("SENTINEL", "REMOVE", RedisSentinels.service)
        try servers.sentinels[0].command(
            "SENTINEL", "MONITOR", RedisSentinels.service, "127.0.0.1", "\(stranger.port)", "2")
        try await withStore(configuration(servers)) { store in
            try await expect(.inserted, from: records(session: 1, answer: 2), in: store)
        }
        #expect(try stranger.connect().keys() == [])
        #expect(try servers.servers[0].connect().keys().count == 2)
    }

    @Test func neverTalksToAReplica() async throws {
        let servers = try await RedisSentinels.start()
        let replica = servers.servers[1]
        try await withStore(RedisSessionsTests.configuration(replica)) { store in
            try await eventually("the store knows why") {
                try await cause { try await store.check(within: ample) }
                    == .notConnected(detail: ConnectionFault.notMaster.detail)
            }
        }
    }

    @Test func saysWhereNoSentinelNamesAMaster() async throws {
        let servers = try await RedisSentinels.start()
        let addresses = servers.sentinels.map { loopback($0.port) }
        try await withStore(RedisConfiguration(.sentinel(addresses, service: "other"))) { store in
            try await expect(.notConnected(detail: ConnectionFault.noMaster.detail)) {
                try await store.check(within: ample)
            }
        }
    }

    private func configuration(
        _ servers: RedisSentinels, password: String? = nil, commandTimeout: Duration = ample
    ) -> RedisConfiguration {
        var configuration = RedisSessionsTests.configuration(
            .sentinel(servers.sentinels.map { loopback($0.port) }, service: RedisSentinels.service),
            commandTimeout: commandTimeout)
        configuration.credentials = RedisCredentials { password }
        return configuration
    }
}
