import RedisSessions
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisConformanceTests {
    @Test(arguments: SessionStoreConformance.checks)
    func keepsThePromisesOfTheStore(check: SessionStoreConformance.Check) async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let harness = SessionStoreHarness(store: store, now: { clock.now }) { ending in
                let (kind, key) = ending.record
                try server.command("DEL", redisKey(kind, key))
            }
            try await check.run(harness)
        }
    }

    @Test(arguments: SharedRecordsConformance.checks)
    func keepsThePromisesOfSharedRecords(check: SharedRecordsConformance.Check) async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in try await check.run(store) }
    }

    @Test func forgetsASharedRecordAtItsEnd() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let (key, budget) = (SharedRecordsConformance.key(), SharedRecordsConformance.budget)
            _ = try await store.insertIfAbsent([1], under: key, for: .milliseconds(80), within: budget)
            #expect(try await store.value(of: key, within: budget) == [1])
            try await eventually("its end") { try await store.value(of: key, within: budget) == nil }
        }
    }
}

extension SessionStoreHarness.Ending {
    var record: (kind: String, key: RecordKey) {
        switch self {
        case .session(let key): ("session", key)
        case .answer(let key): ("answer", key)
        }
    }
}

@Suite(.serialized) struct RedisRevocationTests {
    @Test func keepsThePromisesOfTheStore() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            try await RevocationStoreConformance.check(store, now: clock.now)
        }
        // The clock of the tests stands in the past, so the end is the server's own.
        #expect(try server.connect().timeToLive("countersign:{revocations}") > 500)
    }

    @Test func keepsThePromisesOfTheStoreInACluster() async throws {
        let cluster = try await RedisCluster.start()
        let configuration = RedisConfiguration(
            .cluster(cluster.servers.map { RedisAddress(host: "127.0.0.1", port: $0.port) }))
        try await withStore(configuration) { store in
            try await RevocationStoreConformance.check(store, now: clock.now)
        }
    }

    @Test func leavesOutWhatIsNoneOfOurs() async throws {
        let server = try await RedisServer.start()
        try server.command(
            "HSET", "countersign:{revocations}", "subject:AAAA", "1 2", "other:BBBB", "1 2", "device:CCCC", "x",
            "all", "1", "version", "v")
        try await withStore(configuration(server)) { store in
            let stored = try await store.revocations(unless: nil, within: ample)
            #expect(stored?.version == "v")
            #expect(stored?.revocations.map(\.cohort.text) == ["subject:AAAA"])
        }
    }

    @Test func refusesMoreThanItsLimit() async throws {
        let server = try await RedisServer.start()
        let redis = try server.connect()
        let end = (clock.now + .seconds(600)).milliseconds
        for start in stride(from: 0, to: RedisSessionStore.maximumRevocations, by: 1000) {
            let fields = (start..<start + 1000).flatMap { [Array("subject:\($0)".utf8), Array("1 \(end)".utf8)] }
            _ = try redis.send([Array("HSET".utf8), Array("countersign:{revocations}".utf8)] + fields)
        }
        try await withStore(configuration(server)) { store in
            let one = Revocation(
                cohort: try #require(CohortLabel("device:A")), issuedBefore: clock.now,
                endsAt: clock.now + .seconds(600))
            try await store.add(one, within: ample)
            let other = Revocation(
                cohort: try #require(CohortLabel("device:B")), issuedBefore: clock.now,
                endsAt: clock.now + .seconds(600))
            try await expect(.refused(code: "FULL")) { try await store.add(other, within: ample) }
        }
    }
}
