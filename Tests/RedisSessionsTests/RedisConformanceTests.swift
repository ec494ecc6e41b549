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
                switch ending {
                case .session(let key): try server.command("DEL", redisKey("session", key))
                case .answer(let key): try server.command("DEL", redisKey("answer", key))
                }
            }
            try await check.run(harness)
        }
    }
}
