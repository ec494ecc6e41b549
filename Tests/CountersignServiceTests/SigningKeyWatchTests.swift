import BlockingWork
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

    private func watch(
        isRevoked: @escaping @Sendable (ExactText) -> Bool = { _ in false }, readers: FileReaders = FileReaders()
    ) throws -> SigningKeyWatch {
        SigningKeyWatch(
            try blueprint, time: clock.time, logger: log.logger, readers: readers, isRevoked: isRevoked,
            sleep: { _ in try await Task.sleep(for: .seconds(3600)) }, publish: { _ in })
    }

    private var blueprint: Blueprint {
        get throws {
            try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:], now: clock.now)
        }
    }

    private func signer(_ watch: SigningKeyWatch) -> ExactText? { watch.ring.signer(for: .es256)?.keyID }

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
        #expect(signer(watch) == first && watch.status.waitingCount == 1)
        clock.advance(by: .seconds(1))
        await watch.look()
        #expect(signer(watch) == second.keyID && watch.status.waitingCount == 0)
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

    /// Cron that does nothing, as where it lacks what a command reads.
    @Test func tellsForHowLongAStepOfTheRotationHasBeenDue() async throws {
        let watch = try watch()
        let due = try #require(
            try directory.manifest(at: clock.now, times: times).nextStep(at: clock.now, times: times))
        clock.advance(by: due.at - clock.now)
        #expect(watch.status.stepOverdue == .zero)
        clock.advance(by: .seconds(7201))
        #expect(watch.status.stepOverdue == .seconds(7201))
        _ = try directory.advance(at: clock.now, times: times)
        await watch.look()
        #expect(watch.status.stepOverdue == .zero)
    }

    @Test func signsWithTheBestLoadedKeyWhenOneIsCompromisedAndTheRestCannotBeRead() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        await watch.look()
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(second.fileName)")
        _ = try directory.revoke(first, at: Self.start + .seconds(1), times: times)
        await watch.look()
        #expect(signer(watch) == second.keyID && watch.ring.verifier(keyID: first) == nil && watch.problem != nil)
    }

    /// An empty directory in the place of the volume, and somebody who makes a key there.
    @Test func keepsItsKeysWhereANewManifestHasLostThem() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        await watch.look()
        let files = FileManager.default
        try files.moveItem(atPath: directory.path, toPath: directory.path + "-unmounted")
        _ = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        clock.advance(by: .seconds(86400))
        await watch.look()
        #expect(signer(watch) == first && watch.ring.verifier(keyID: first) != nil)
        #expect(watch.problem?.contains("expected \(first) in the manifest") == true)
        try files.removeItem(atPath: directory.path)
        try files.moveItem(atPath: directory.path + "-unmounted", toPath: directory.path)
        await watch.look()
        #expect(watch.problem == nil && signer(watch) == first)
    }

    @Test func keepsItsKeysWhereAnOldManifestIsRestored() async throws {
        let old = try Data(contentsOf: URL(filePath: "\(directory.path)/manifest.json"))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        clock.advance(by: .seconds(720))
        _ = try directory.activate(second.keyID, at: clock.now, times: times)
        let watch = try watch()
        try folder.write("signing/manifest.json", String(decoding: old, as: UTF8.self))
        await watch.look()
        #expect(signer(watch) == second.keyID && watch.problem?.contains(String(second.keyID)) == true)
    }

    @Test func letsAKeyGoThatWasForcedOut() async throws {
        let first = try #require(try directory.manifest(at: clock.now, times: times).active(.es256))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        let watch = try watch()
        clock.advance(by: .seconds(720))
        _ = try directory.activate(second.keyID, at: clock.now, times: times)
        await watch.look()
        _ = try directory.retire(first.keyID, at: clock.now, times: times, isForced: true)
        await watch.look()
        #expect(watch.ring.verifier(keyID: first.keyID) == nil && watch.problem == nil)
        #expect(signer(watch) == second.keyID)
    }

    @Test func staysWithTheLastGoodKeysAndSaysSoOnce() async throws {
        let watch = try watch()
        let first = signer(watch)
        try folder.write("signing/manifest.json", "{")
        for _ in 0..<3 { await watch.look() }
        #expect(signer(watch) == first && watch.problem?.contains("manifest.json: expected") == true)
        #expect(log.lines.count == 1)
    }

    /// A reload may have read the directory before the revocation, and be slow.
    @Test func neverTakesARevokedKeyBack() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        let (old, generation) = (try blueprint, watch.generation)
        _ = try directory.revoke(first, at: clock.now, times: times)
        await watch.look()
        let second = try #require(signer(watch))
        var rings: [SigningKeyRing] = []
        watch.replace(with: old, readAt: generation) { rings.append($0) }
        #expect(rings[0].verifier(keyID: first) == nil && rings[0].signer(for: .es256)?.keyID == second)
        // As if an old backup had been restored.
        watch.replace(with: old, readAt: watch.generation) { rings.append($0) }
        #expect(rings[1].verifier(keyID: first) == nil && rings[1].signer(for: .es256) == nil)
        await watch.look()
        #expect(signer(watch) == second && watch.ring.verifier(keyID: first) == nil)
    }

    @Test func readsTheManifestTwiceForAChangeAndOtherwiseOnce() async throws {
        let watch = try watch()
        await watch.look()
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        let manifest = try OpenCount(of: "\(directory.path)/manifest.json")
        await watch.look()
        #expect(watch.status.manifest.keys.count { $0.state == .published } == 1 && manifest.take() == 2)
        await watch.look()
        #expect(manifest.take() == 1)
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(second.fileName)")
        await watch.look()
        #expect(watch.problem != nil && manifest.take() == 2)
    }

    @Test func keepsNewerKeysThanASlowReloadHasRead() async throws {
        let watch = try watch()
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        await watch.look()
        let (old, generation) = (try blueprint, watch.generation)
        clock.advance(by: .seconds(720))
        _ = try directory.activate(second.keyID, at: clock.now, times: times)
        await watch.look()
        var rings: [SigningKeyRing] = []
        watch.replace(with: old, readAt: generation) { rings.append($0) }
        #expect(rings.map { $0.signer(for: .es256)?.keyID } == [second.keyID])
    }

    /// Several things are wrong, and which is found first depends on the order of a dictionary.
    @Test func saysWhatIsWrongOnceWhateverIsFoundFirst() async throws {
        for algorithm in SignatureAlgorithm.minting {
            _ = try directory.generate(algorithm: algorithm, at: Self.start, times: times)
            _ = try directory.generate(algorithm: algorithm, at: Self.start, times: times)
        }
        let watch = try watch()
        try FileManager.default.removeItem(atPath: "\(directory.path)/manifest.json")
        for _ in 0..<30 { await watch.look() }
        #expect(log.lines.count == 1, "\(log.lines)")
    }

    /// The thread that reads is kept by another file, as by a dead mount.
    @Test func looksAtTheClockThoughTheDirectoryHangs() async throws {
        let pipe = "\(folder.path)/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        let readers = FileReaders(limit: .milliseconds(20), threads: 1)
        let first = try #require(try directory.manifest(at: clock.now, times: times).active(.es256))
        let second = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        _ = try directory.activate(second.keyID, at: Self.start + .seconds(720), times: times)
        let watch = try watch(readers: readers)
        #expect(signer(watch) == first.keyID)
        await #expect(throws: FileHangs.self) {
            try await readers.run { try FileContents.read(pipe, mayBePipe: true) }
        }
        clock.advance(by: .seconds(720))
        for _ in 0..<3 { await watch.look() }
        #expect(signer(watch) == second.keyID && watch.problem?.contains("found one that hangs") == true)
        #expect(log.lines.count { $0.hasPrefix("error") } == 1)
        close(open(pipe, O_WRONLY))
        try await eventually("it can be read again") {
            await watch.look()
            return watch.problem == nil
        }
        #expect(log.lines.contains { $0.contains("can be read again") })
    }

    @Test func takesUpNoCompromisedKeyWithAnotherConfiguration() async throws {
        let first = try #require(try directory.manifest(at: Self.start, times: times).keys.first?.keyID)
        let watch = try watch { $0 == first }
        var published: [SigningKeyRing] = []
        watch.replace(with: try blueprint, readAt: watch.generation) { published.append($0) }
        #expect(published.count == 1 && published[0].verifier(keyID: first) == nil)
        #expect(signer(watch) == nil)
    }

    /// Also at the start, when the list is read for the first time.
    @Test func dropsAKeyAsSoonAsTheListSaysThatItIsCompromised() async throws {
        let bench = ExchangeBench(clock: clock)
        let list = bench.revocations
        let watch = try watch(isRevoked: list.isRevoked(keyID:))
        list.whenKeysAreCompromised { watch.dropCompromisedKeys() }
        let first = try #require(signer(watch))
        try await list.revoke(try #require(Cohort(.keyID, "another")))
        #expect(signer(watch) == first)
        try await list.revoke(try #require(Cohort(.keyID, first)), issuedBefore: clock.now)
        #expect(signer(watch) == first)
        try await list.revoke(try #require(Cohort(.keyID, first)))
        #expect(signer(watch) == nil && watch.ring.verifier(keyID: first) == nil)
        await watch.look()
        #expect(warnings == ["warning: a signing key was revoked as compromised key_id=\(first)"], "told once")
    }

    private var warnings: [String] { log.lines.filter { $0.hasPrefix("warning: ") } }

    @Test func warnsOfAKeyThatTheDirectoryRevokesAndNotAtTheNextStart() async throws {
        let watch = try watch()
        let first = try #require(signer(watch))
        _ = try directory.generate(algorithm: .es256, at: Self.start, times: times)
        _ = try directory.revoke(first, at: Self.start + .seconds(1), times: times)
        await watch.look()
        await watch.look()
        #expect(warnings == ["warning: a signing key was revoked as compromised key_id=\(first)"])
        // A later change brings nothing new of that key.
        _ = try directory.generate(algorithm: .es256, at: Self.start + .seconds(2), times: times)
        await watch.look()
        await (try self.watch()).look()
        #expect(warnings.count == 1)
    }

    @Test func takesUpTheSuccessorOfACompromisedKeyWithoutAPause() async throws {
        let bench = ExchangeBench(clock: clock)
        let watch = try watch(isRevoked: bench.revocations.isRevoked(keyID:))
        bench.revocations.whenKeysAreCompromised { watch.dropCompromisedKeys() }
        let running = Task { try await watch.run() }
        let first = try #require(signer(watch))
        _ = try directory.revoke(first, at: clock.now, times: times)
        let successor = try #require(try directory.manifest(at: clock.now, times: times).active(.es256)?.keyID)
        try await bench.revocations.revoke(try #require(Cohort(.keyID, first)))
        try await eventually("the successor signs") { signer(watch) == successor }
        running.cancel()
        try await running.value
    }
}
