import CountersignService
import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The service's own hold on the interlocks, by its own clock.
@Suite struct SigningKeyWatchTests {
    private static let start = ManualClock.start

    private let folder: TemporaryFolder
    private let clock = ManualClock()
    private let log = RecordedLog()
    private let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(3 * 3600)])

    init() throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        folder = try CountersignProcess.prepare(settings)
        _ = try directory.generate(algorithm: .es256, at: Self.start, times: times)
    }

    private var directory: SigningKeyDirectory { SigningKeyDirectory(path: "\(folder.path)/signing") }

    private func watch() throws -> SigningKeyWatch {
        SigningKeyWatch(
            try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:], now: clock.now), time: clock.time,
            logger: log.logger, publish: { _ in })
    }

    private func signer(_ watch: SigningKeyWatch) -> String? { watch.ring.signer(for: .es256)?.keyID }

    @Test func signsWithAKeyOnlyOnceItIsDueByTheServicesClock() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        await watch.look()
        #expect(watch.ring.verifier(keyID: second.keyID) != nil)
        // Written by somebody whose clock is ahead.
        _ = try directory.activate(second.keyID, at: Self.start + .seconds(721), times: times)
        clock.advance(by: .seconds(719))
        await watch.look()
        #expect(signer(watch) == first && watch.waitingCount == 1)
        clock.advance(by: .seconds(1))
        await watch.look()
        #expect(signer(watch) == second.keyID && watch.waitingCount == 0)
    }

    @Test func dropsARetiringKeyWhenItsTokensAreDead() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        await watch.look()
        clock.advance(by: .seconds(720))
        _ = try directory.activate(second.keyID, at: clock.now, times: times)
        await watch.look()
        clock.advance(by: .seconds(3 * 3600 + 149))
        await watch.look()
        #expect(watch.ring.verifier(keyID: first) != nil)
        clock.advance(by: .seconds(1))
        await watch.look()
        #expect(watch.ring.verifier(keyID: first) == nil)
        #expect(log.lines.filter { $0.hasPrefix("notice: signing keys changed") }.count == 3)
    }

    @Test func signsWithTheBestLoadedKeyWhenOneIsBurntAndTheRestCannotBeRead() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        await watch.look()
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(second.fileName)")
        _ = try directory.revoke(first, at: Self.start + .seconds(1), times: times)
        await watch.look()
        #expect(signer(watch) == second.keyID && watch.ring.verifier(keyID: first) == nil && watch.problem != nil)
    }

    @Test func staysWithTheLastGoodKeysAndSaysSoOnce() async throws {
        let watch = try watch()
        let first = signer(watch)
        try folder.write("signing/manifest.json", "{")
        for _ in 0..<3 { await watch.look() }
        #expect(signer(watch) == first && watch.problem?.contains("manifest.json: expected") == true)
        #expect(log.lines.count == 1)
    }
}
