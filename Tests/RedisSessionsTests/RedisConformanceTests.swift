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
