import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Rotations on two replicas that share a key directory and one Redis, while logins go on and back ends verify every token.
@Suite(.serialized) struct KeyRotationTests {
    private static let times = SigningKeyTimes(
        keySetMaximumAge: .seconds(1), refreshLag: .seconds(2), clockSkew: .milliseconds(100),
        longestLifetimes: [.es256: .seconds(2)])

    private struct Report: Decodable {
        let exchanges: Int
        let checks: Int
        let late: Int?
        let kids: Int
        let failures: Int
        let firstFailures: [String]
    }

    /// Two replicas and the verifier, around some rotations.
    private func underLoad(_ rotate: @Sendable (KeyOperator) async throws -> Void) async throws -> Report {
        let redis = try await RedisServer.start()
        var settings = CountersignProcess.Settings()
        settings.sessions = CountersignProcess.Settings.redis(redis, commandTimeout: "2s")
        settings.providers = CountersignProcess.Settings.provider("vip-loyalty", token: "lifetime: 2s")
        settings.signing =
            "{ directory: signing, jwks_max_age: 1s, rotation: { refresh_lag: 2s, clock_skew: 100ms } }"
        settings.signingTimes = Self.times
        let folder = try CountersignProcess.prepare(settings)
        let replicas = [
            try await CountersignProcess.start(in: folder), try await CountersignProcess.start(in: folder),
        ]
        let token = try folder.write("identity", String(decoding: try ModelToken.fresh(), as: UTF8.self))
        let stop = "\(folder.path)/stop"
        let arguments =
            ["\(CountersignProcess.repository)/Tests/EndToEndTests/rotation.py", token, "1", stop]
            + replicas.map { "http://127.0.0.1:\($0.publicPort)" }
        async let verifier = CountersignProcess.run(CountersignProcess.python, arguments, within: .seconds(180))
        do {
            try await rotate(KeyOperator(folder: folder.path))
        } catch {
            try folder.write("stop", "")
            throw error
        }
        try folder.write("stop", "")
        let result = try await verifier
        for replica in replicas { #expect(try await replica.terminate() == 0) }
        return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }

    /// Eight keys are always on their way, so that fifty rotations take an eighth of what they would one after the other.
    /// The lag is long enough for a machine that stalls.
    @Test func rotatesFiftyTimesUnderLoadWithoutATokenEverFailing() async throws {
        let report = try await underLoad { keys in
            var waiting: [SigningKeyRecord] = []
            for _ in 0..<50 {
                while waiting.count < 8 { waiting.append(try await keys.generate()) }
                let next = waiting.removeFirst()
                try await keys.waitUntil(next.maySignFrom)
                #expect(try await keys.run("activate", String(next.keyID)).status == 0)
                #expect(try await keys.run("advance").status == 0)
                // Longer than a replica takes to look again, so that every key signs.
                let since = try #require(try keys.manifest().active(.es256)).since
                try await keys.waitUntil(since + .milliseconds(600))
            }
            let last = try #require(try keys.manifest().keys.compactMap(\.tokensDieBy).max { $0 < $1 })
            try await keys.waitUntil(last)
            #expect(try await keys.run("advance").status == 0)
            #expect(try keys.manifest().keys.allSatisfy { $0.state != .retiring })
        }
        print("rotation under load: \(report)")
        #expect(report.failures == 0, "\(report.firstFailures)")
        #expect(report.kids > 30 && report.exchanges > 500 && report.checks > 2 * report.exchanges)
    }

    @Test func failsVerifiersWhenRotationsAreForced() async throws {
        let report = try await underLoad { keys in
            for _ in 0..<5 {
                let next = try await keys.generate()
                let forced = try await keys.run("activate", String(next.keyID), "--force", "--yes")
                #expect(forced.status == 0 && forced.output.contains("they will refuse what it signs"))
                try await keys.waitUntil(try keys.manifest().writtenAt + .seconds(1))
            }
        }
        #expect(report.failures > 0 && report.checks > 0)
        #expect(report.firstFailures.contains { $0.contains("unknown kid") }, "\(report.firstFailures)")
    }
}

/// Somebody with the command line and a clock.
struct KeyOperator: Sendable {
    let folder: String

    func run(_ arguments: String...) async throws -> CountersignProcess.CommandResult { try await run(arguments) }

    func run(_ arguments: [String]) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(
            CountersignProcess.program, ["keys"] + arguments + ["--config", "\(folder)/countersign.yaml"])
    }

    func manifest() throws -> SigningKeyManifest {
        try SigningKeyDirectory(path: "\(folder)/signing").manifest(at: now, times: SigningKeyTimes())
    }

    /// The new key.
    func generate() async throws -> SigningKeyRecord {
        let known = Set(try manifest().keys.map(\.keyID))
        let result = try await run("generate")
        #expect(result.status == 0, "\(result.output)")
        return try #require(try manifest().keys.first { !known.contains($0.keyID) })
    }

    var now: UnixTime { UnixTime(seconds: Date().timeIntervalSince1970) }

    func waitUntil(_ time: UnixTime) async throws {
        try await eventually("it is \(time.text)", within: .seconds(30)) { now > time }
    }
}
