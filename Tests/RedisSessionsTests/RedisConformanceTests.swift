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
}

extension SessionStoreHarness.Ending {
    var record: (kind: String, key: RecordKey) {
        switch self {
        case .session(let key): ("session", key)
        case .answer(let key): ("answer", key)
        }
    }
}
