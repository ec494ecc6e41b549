import Foundation
import TestSupport
import Testing
import TokenExchange

/// Redis killed, hung, absent at start, and back: by failure mode, within the deadline, and healed without a restart.
@Suite struct OutageTests {
    private func service(_ redis: RedisServer) async throws -> CountersignProcess {
        typealias Settings = CountersignProcess.Settings
        var settings = Settings()
        settings.sessions = Settings.redis(redis, commandTimeout: "200ms")
        settings.providers =
            Settings.provider("vip-loyalty", more: ", deadline: 1s") + Settings.provider("easy", mode: "optional")
            + Settings.provider("easy-opaque", mode: "optional", token: "kind: opaque")
        return try await CountersignProcess.start(settings)
    }

    private func expectOutage(_ service: CountersignProcess) throws {
        let token = try ModelToken.fresh()
        let start = ContinuousClock.now
        let strict = try service.exchange(token)
        #expect(strict.status == 503 && strict.errorCode == "session_store_unavailable")
        #expect(strict.headers["retry-after"] == "1")
        #expect(strict.externalIdentity == nil)
        let easy = try service.exchange(token, provider: "easy")
        #expect(easy.status == 200 && easy.externalIdentity?.hasPrefix("ey") == true)
        #expect(easy.headers["countersign-degraded"] == "session_store_unavailable")
        let session = try service.session(easy.externalIdentity ?? "")
        #expect(session.status == 200 && session.json["session"] as? String == "unconfirmed")
        let opaque = try service.exchange(token, provider: "easy-opaque")
        #expect(opaque.status == 200 && opaque.text == #"{"external_identity":null}"#)
        #expect(opaque.headers["countersign-degraded"] == "session_store_unavailable")
        #expect(ContinuousClock.now - start < .seconds(6), "one deadline of 1 s, two waits of 200 ms, one of 2 s")
        for provider in ["vip-loyalty", "easy"] {
            let refused = try service.exchange(
                ModelToken.current.signed(by: TestKeys.stranger), provider: provider)
            #expect(refused.status == 401, "a bad token is refused in an outage as well")
        }
        let readiness = try service.readiness()
        #expect(readiness.status == 503 && readiness.json["status"] as? String == "unavailable")
    }

    private func expectService(_ service: CountersignProcess) async throws {
        try await eventually("strict logins work again", within: .seconds(5)) {
            try service.exchange(try ModelToken.fresh()).status == 200
        }
        #expect(try service.readiness().status == 200, "one open connection is enough")
    }

    @Test func livesThroughARedisThatIsKilledAndComesBack() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        try await expectService(service)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        redis.kill()
        try expectOutage(service)
        #expect(try service.session(identity).status == 503, "never called inactive")
        try await redis.restart()
        try await expectService(service)
        #expect(try service.session(identity).status == 401, "an empty Redis has lost the session")
    }

    @Test func livesThroughARedisThatHangs() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        try await expectService(service)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        redis.stop()
        try expectOutage(service)
        redis.resume()
        try await expectService(service)
        #expect(try service.session(identity).status == 200)
    }

    @Test func startsWithoutRedisAndHealsByItself() async throws {
        let redis = try RedisServer.stopped()
        let service = try await service(redis)
        try expectOutage(service)
        try await redis.restart()
        try await expectService(service)
    }

    @Test func writesTheSessionsOfAnOutageOnceTheStoreIsBack() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        redis.kill()
        let identity = try #require(try service.exchange(try ModelToken.fresh(), provider: "easy").externalIdentity)
        try await redis.restart()
        try await eventually("the session is written") {
            let session = try service.session(identity)
            return session.status == 200 && session.json["session"] == nil
        }
    }

    @Test func answersNothingLateWhereTheDeadlineIsShorterThanTheCommandTimeout() async throws {
        let redis = try await RedisServer.start()
        var settings = CountersignProcess.Settings()
        settings.sessions = CountersignProcess.Settings.redis(redis, commandTimeout: "5s")
        settings.providers = CountersignProcess.Settings.provider("vip-loyalty", more: ", deadline: 300ms")
        let service = try await CountersignProcess.start(settings)
        try await expectService(service)
        redis.stop()
        let start = ContinuousClock.now
        #expect(try service.exchange(try ModelToken.fresh()).status == 503)
        #expect(ContinuousClock.now - start < .seconds(2))
        redis.resume()
    }
}
