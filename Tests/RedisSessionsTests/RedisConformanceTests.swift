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
        // As long as they get.
        try revoke("identity_provider", RedisSessionStore.maximumRevocations - 1, in: server)
        try await withStore(configuration(server)) { store in
            try await store.add(revocation(of: "device:A"), within: ample)
            try await expect(.refused(code: "FULL")) { try await store.add(revocation(of: "device:B"), within: ample) }
            let stored = try await store.revocations(unless: nil, within: ample)
            #expect(stored?.revocations.count == RedisSessionStore.maximumRevocations)
        }
    }

    @Test func takesLaterWatermarksAndKeysThoughItIsFull() async throws {
        let server = try await RedisServer.start()
        try revoke("subject", RedisSessionStore.maximumRevocations - 1, in: server)
        try revoke("key_id", 5, in: server)
        try await withStore(configuration(server)) { store in
            try await store.add(revocation(of: "device:A"), within: ample)
            try await expect(.refused(code: "FULL")) { try await store.add(revocation(of: "device:B"), within: ample) }
            let later = clock.now + .seconds(1)
            try await store.add(revocation(of: "device:A", at: later), within: ample)
            try await store.add(revocation(of: "key_id:A"), within: ample)
            let stored = try await store.revocations(unless: nil, within: ample)
            #expect(stored?.revocations.count == RedisSessionStore.maximumRevocations + 6)
            #expect(stored?.revocations.first { $0.cohort.text == "device:A" }?.issuedBefore == later)
        }
    }

    @Test func readsAsManyKeysAsItTakes() async throws {
        let server = try await RedisServer.start()
        try revoke("identity_provider", RedisSessionStore.maximumRevocations, in: server)
        try revoke("key_id", RedisSessionStore.maximumRevocations, in: server)
        try await withStore(configuration(server)) { store in
            try await expect(.refused(code: "FULL")) { try await store.add(revocation(of: "key_id:A"), within: ample) }
            let stored = try await store.revocations(unless: nil, within: ample)
            #expect(stored?.revocations.count == 2 * RedisSessionStore.maximumRevocations)
        }
    }

    private func revocation(of cohort: String, at moment: UnixTime = clock.now) throws -> Revocation {
        Revocation(
            cohort: try #require(CohortLabel(cohort)), issuedBefore: moment, endsAt: clock.now + .seconds(600))
    }

    /// Behind the store's back.
    private func revoke(_ kind: String, _ count: Int, in server: RedisServer) throws {
        let redis = try server.connect()
        let times = "\(clock.now.milliseconds) \((clock.now + .seconds(600)).milliseconds)"
        for start in stride(from: 0, to: count, by: 1000) {
            let fields = (start..<min(start + 1000, count)).flatMap { number in
                let digits = String(number)
                return ["\(kind):\(String(repeating: "A", count: 22 - digits.count))\(digits)", times]
            }
            _ = try redis.send((["HSET", "countersign:{revocations}"] + fields).map { Array($0.utf8) })
        }
    }
}
