import Foundation
import TestSupport
import Testing
import TokenExchange

/// A Redis user that lacks a right: `/readyz` and the log say which part suffers, and why.
@Suite(.serialized) struct StoreRightsTests {
    private typealias Settings = CountersignProcess.Settings

    private static let user = ["ACL", "SETUSER", "countersign", "on", ">secret", "~*", "+@all"]

    private func service(_ redis: RedisServer, mode: String) async throws -> CountersignProcess {
        var settings = Settings()
        settings.sessions = """
            { store: redis, redis: { url: "redis://countersign@127.0.0.1:\(redis.port)/0", \
            password: { file: redis.secret } } }
            """
        settings.providers = Settings.provider("vip-loyalty", mode: mode)
        let folder = try CountersignProcess.prepare(settings)
        chmod(try folder.write("redis.secret", "secret"), 0o600)
        return try await CountersignProcess.start(in: folder)
    }

    private func component(_ name: String, of service: CountersignProcess) throws -> (status: String?, detail: String) {
        let components = try service.readiness().json["components"] as? [String: [String: String]]
        return (components?[name]?["status"], components?[name]?["detail"] ?? "")
    }

    @Test(arguments: ["strict", "optional"])
    func saysThatRevocationsCannotBeReadAndThatTheyAreReadAgain(mode: String) async throws {
        let redis = try await RedisServer.start()
        let connection = try redis.connect()
        _ = try connection.send((Self.user + ["-hgetall", "-hget"]).map { Array($0.utf8) })
        let service = try await service(redis, mode: mode)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        let unread = try component("revocations", of: service)
        #expect(unread.status == (mode == "strict" ? "unavailable" : "degraded"))
        #expect(unread.detail.hasPrefix("cannot be read: refused with NOPERM; read "))
        #expect(try service.readiness().status == (mode == "strict" ? 503 : 200))
        #expect(try component("session_store", of: service).status == "ready")
        #expect(try service.session(identity).status == (mode == "strict" ? 503 : 200))
        #expect(service.log.contains("refused with NOPERM"))
        try await eventually("the list grows old", within: .seconds(10)) { try age(service) > 3 }
        _ = try connection.send((Self.user + ["+hgetall", "+hget"]).map { Array($0.utf8) })
        #expect(try component("revocations", of: service).status == "ready")
        try await eventually("the list is read again") { try age(service) < 3 }
        #expect(try service.session(identity).json["session"] == nil)
        for line in ["revocations cannot be read", "revocations are read again"] {
            #expect(service.log.ranges(of: line).count == 1, "\(line)")
        }
        #expect(!service.log.contains("timed out"))
    }

    private func age(_ service: CountersignProcess) throws -> Double {
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("countersign_revocations_age_seconds ") }
        return try #require(line?.split(separator: " ").last.flatMap { Double($0) })
    }

    @Test(arguments: [
        ("-evalsha", "session_store", "unavailable", "refused with NOPERM"),
        ("-script|load", "session_store", "unavailable", "not connected: NOPERM for SCRIPT LOAD"),
        ("-set", "session_store", "unavailable", "refused with NOPERM"),
        ("-expire", "revocations", "degraded", "cannot be added to: refused with NOPERM"),
    ])
    func saysWhatSuffersAndWhy(rule: String, name: String, status: String, detail: String) async throws {
        let redis = try await RedisServer.start()
        _ = try redis.connect().send((Self.user + [rule]).map { Array($0.utf8) })
        let service = try await service(redis, mode: "strict")
        let found = try component(name, of: service)
        #expect(found.status == status && found.detail == detail)
        #expect(try service.readiness().status == (status == "unavailable" ? 503 : 200))
        #expect(try service.exchange(try ModelToken.fresh()).status == (status == "unavailable" ? 503 : 200))
        #expect(status == "degraded" || service.log.contains(detail))
    }
}
