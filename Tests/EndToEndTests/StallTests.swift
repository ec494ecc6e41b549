import Foundation
import TestSupport
import Testing
import TokenExchange

/// A Redis that says nothing for a while costs time: a strict login as much as its deadline allows, an optional one no more
/// than `command_timeout`, what is asked about a token no more than two seconds.
@Suite(.serialized) struct StallTests {
    private typealias Settings = CountersignProcess.Settings

    private static let backend = TestVerifier("backend", of: "vip-loyalty, hurried, easy", mayRevoke: "true")

    private func service(_ redis: RedisServer) async throws -> CountersignProcess {
        var settings = Settings()
        settings.sessions = Settings.redis(redis)
        settings.providers =
            Settings.provider("vip-loyalty", more: ", deadline: 10s")
            + Settings.provider("hurried", more: ", deadline: 500ms")
            + Settings.provider("easy", mode: "optional", more: ", deadline: 10s")
        settings.verifiers = [Self.backend]
        return try await CountersignProcess.start(settings)
    }

    @Test(arguments: [200, 600, 1500], ["ALL", "WRITE"])
    func costsTimeAndNothingElse(milliseconds: Int, kind: String) async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        func pause() throws { try redis.command("CLIENT", "PAUSE", "\(milliseconds)", kind) }
        try pause()
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        try pause()
        #expect(try service.introspect(identity, as: Self.backend).json["active"] as? Bool == true)
        try pause()
        #expect(try service.session(identity).json["active"] as? Bool == true)
        try pause()
        #expect(try service.revoke(identity, as: Self.backend).status == 200)
        #expect(try service.session(identity).status == 401)
        #expect(try service.readiness().status == 200)
    }

    @Test func costsNoMoreThanEachHasTimeFor() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        redis.stop()
        let hurried = try service.exchange(try ModelToken.fresh(), provider: "hurried")
        #expect(hurried.status == 503 && hurried.errorCode == "session_store_unavailable")
        let easy = try service.exchange(try ModelToken.fresh(), provider: "easy")
        #expect(easy.status == 200 && easy.headers["countersign-degraded"] == "session_store_unavailable")
        // These end although nothing has changed.
        #expect(try service.introspect(identity, as: Self.backend).status == 503)
        #expect(try service.revoke(identity, as: Self.backend).status == 503)
        let unconfirmed = try service.session(easy.externalIdentity ?? "")
        #expect(unconfirmed.status == 200 && unconfirmed.json["session"] as? String == "unconfirmed")
        let readiness = try service.readiness()
        #expect(readiness.status == 503)
        #expect(readiness.text.contains(#""session_store":{"status":"unavailable","detail":"timed out"}"#))
        let waiting = Task.detached { try service.exchange(try ModelToken.fresh()) }
        #expect(try service.readiness().status == 503)
        redis.resume()
        #expect(try await waiting.value.status == 200)
        #expect(try service.readiness().status == 200)
    }

    @Test func costsTimeWhereRedisIsRestarted() async throws {
        let redis = try await RedisServer.start()
        let service = try await service(redis)
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        redis.kill()
        let waiting = (0..<4).map { _ in Task.detached { try service.exchange(try ModelToken.fresh()) } }
        try await redis.restart()
        for login in waiting { #expect(try await login.value.status == 200) }
    }
}
