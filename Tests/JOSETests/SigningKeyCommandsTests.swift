import FoundationEssentials
import JOSE
import Testing
import TokenExchange

@Suite("Changes of a signing key directory")
struct SigningKeyCommandsTests {
    private let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(3600)])
    private static let start = UnixTime(seconds: 2_000_000_000)

    private func time(_ seconds: Int) -> UnixTime { Self.start + .seconds(seconds) }

    @Test func rotatesAKeyThroughItsWholeLife() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let first = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let second = try directory.generate(algorithm: .es256, at: time(1), times: times)
            #expect(first.state == .active && second.state == .published)
            #expect(
                try problem { _ = try directory.activate(second.keyID, at: time(720), times: times) }
                    == .refused(.publishedTooBriefly(keyID: second.keyID, until: time(721))))
            _ = try directory.activate(second.keyID, at: time(721), times: times)
            let keys = try directory.load(at: time(722), times: times)
            let ring = keys.ring(keys.manifest.plan(at: time(722)))
            #expect(ring.signer(for: .es256)?.keyID == second.keyID)
            #expect(ring.verifier(keyID: first.keyID) != nil)
            let end = try #require(keys.manifest.record(first.keyID)?.tokensDieBy)
            #expect(
                try directory.advance(at: end, times: times) == [
                    .removed(try #require(keys.manifest.record(first.keyID)), isWithdrawn: false)
                ])
            #expect(try directory.advance(at: end, times: times).isEmpty)
            #expect(try files(path) == [second.fileName, "manifest.json"])
        }
    }

    @Test func keepsNoPrivateKeyInTheManifest() throws {
        try withTemporaryDirectory { path in
            let key = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: time(0), times: times)
            let pem = try String(decoding: Data(contentsOf: URL(filePath: "\(path)/\(key.fileName)")), as: UTF8.self)
            let manifest = try manifestText(path)
            for line in pem.split(separator: "\n") where !line.hasPrefix("-----") {
                #expect(line.count > 20 && !manifest.contains(line))
            }
            #expect(manifest.contains(String(key.keyID)) && manifest.contains("\"state\": \"active\""))
        }
    }

    @Test func writesTheManifestOfADirectoryThatHadNone() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let old = try directory.generate(algorithm: .es256, at: time(0), times: times)
            try FileManager.default.removeItem(atPath: "\(path)/manifest.json")
            #expect(try directory.load(at: time(5), times: times).manifest.active(.es256)?.keyID == old.keyID)
            #expect(try files(path) == [old.fileName])
            let new = try directory.generate(algorithm: .es256, at: time(5), times: times)
            #expect(new.state == .published)
            #expect(try directory.load(at: time(6), times: times).manifest.active(.es256)?.keyID == old.keyID)
        }
    }

    @Test func revokesACompromisedKeyEvenIfOtherFilesAreDamaged() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let compromised = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let other = try directory.generate(algorithm: .rs256, at: time(0), times: times)
            let otherFile = "\(path)/\(other.fileName)"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: otherFile)
            #expect(
                try problem { _ = try directory.generate(algorithm: .es256, at: time(1), times: times) }
                    == .worldAccessible(mode: 0o644))
            let changes = try directory.revoke(compromised.keyID, at: time(1), times: times)
            #expect(changes.count == 3)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: otherFile)
            let manifest = try directory.load(at: time(1), times: times).manifest
            #expect(manifest.record(compromised.keyID)?.state == .revoked)
            #expect(manifest.active(.es256)?.isForced == true)
            #expect(try files(path).contains("\(compromised.fileName).removed"))
        }
    }

    /// The file of the key that would take over is gone, swapped for another, or open to all.
    @Test(arguments: 0..<3) func makesASpareIfTheSuccessorsFileIsDamaged(_ damage: Int) throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let compromised = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let next = try directory.generate(algorithm: .es256, at: time(1), times: times)
            let file = "\(path)/\(next.fileName)"
            if damage == 2 {
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            } else {
                try FileManager.default.removeItem(atPath: file)
            }
            if damage == 1 { try FileManager.default.copyItem(atPath: "\(path)/\(compromised.fileName)", toPath: file) }
            let changes = try directory.revoke(compromised.keyID, at: time(2000), times: times)
            guard case .passedOver(let passedOver, let problem)? = changes.first else {
                Issue.record("not passed over: \(changes)")
                return
            }
            #expect(passedOver.keyID == next.keyID && problem.hasPrefix(file))
            let signer = try #require(try directory.manifest(at: time(2000), times: times).active(.es256))
            #expect(![compromised.keyID, next.keyID].contains(signer.keyID))
            // Nothing is left that the commands cannot repair.
            _ = try directory.revoke(next.keyID, at: time(2001), times: times)
            let keys = try directory.load(at: time(2001), times: times)
            #expect(keys.ring(keys.manifest.plan(at: time(2001))).signer(for: .es256)?.keyID == signer.keyID)
        }
    }

    @Test func doesNotUseARevokedKeyAgainIfItsFileIsRestored() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let compromised = try directory.generate(algorithm: .es256, at: time(0), times: times)
            _ = try directory.revoke(compromised.keyID, at: time(1), times: times)
            try FileManager.default.moveItem(
                atPath: "\(path)/\(compromised.fileName).removed", toPath: "\(path)/\(compromised.fileName)")
            let keys = try directory.load(at: time(2), times: times)
            #expect(keys.ring(keys.manifest.plan(at: time(2))).verifier(keyID: compromised.keyID) == nil)
            let new = try directory.generate(algorithm: .es256, at: time(3), times: times)
            #expect(new.keyID != compromised.keyID)
        }
    }

    @Test func addsAKeyFileThatTheManifestDoesNotList() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let elsewhere = path + "-elsewhere"
            defer { try? FileManager.default.removeItem(atPath: elsewhere) }
            let other = try SigningKeyDirectory(path: elsewhere).generate(algorithm: .es256, at: time(0), times: times)
            try FileManager.default.copyItem(
                atPath: "\(elsewhere)/\(other.fileName)", toPath: "\(path)/\(other.fileName)")
            let keys = try directory.load(at: time(1), times: times)
            #expect(keys.unlistedFiles == [other.fileName])
            #expect(keys.ring(keys.manifest.plan(at: time(1))).verifier(keyID: other.keyID) == nil)
            let taken = try directory.generate(algorithm: .es256, at: time(1), times: times)
            #expect(taken.keyID == other.keyID && taken.state == .published)
        }
    }

    @Test func letsTwoCommandsTakeTurns() async throws {
        let path = FileManager.default.temporaryDirectory.path + "/jose-tests-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (now, times) = (time(0), times)
        try await withThrowingTaskGroup { group in
            for _ in 0..<16 {
                group.addTask {
                    _ = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: now, times: times)
                }
            }
            try await group.waitForAll()
        }
        let manifest = try SigningKeyDirectory(path: path).load(at: now, times: times).manifest
        #expect(manifest.keys.count == 16 && manifest.keys.count { $0.state == .active } == 1)
        #expect(try files(path).count == 17)
    }

    @Test func advancesNothingInAnEmptyDirectory() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            #expect(try problem { _ = try directory.advance(at: time(0), times: times) } == .missingDirectory)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            #expect(try problem { _ = try directory.advance(at: time(0), times: times) } == .emptyDirectory)
            #expect(try files(path).isEmpty)
        }
    }

    /// A full disk must not matter to a cron job that has nothing to do.
    @Test func writesNothingWhenNothingIsDue() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            func inode() throws -> String {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/manifest.json")
                return "\(try #require(attributes[.systemFileNumber]))"
            }
            let before = try inode()
            #expect(try directory.advance(at: time(5), times: times).isEmpty)
            #expect(try inode() == before)
            // But another configuration is recorded.
            _ = try directory.advance(
                at: time(6), times: SigningKeyTimes(keySetMaximumAge: .zero, longestLifetimes: times.longestLifetimes))
            #expect(try directory.manifest(at: time(6), times: times).keySetMaximumAge.former.count == 1)
        }
    }

    @Test func refusesToPlanWhatAdvanceWouldRefuse() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            func refusals(at seconds: Int) throws -> [KeyFileError.Problem?] {
                [
                    try problem { _ = try directory.stepsDue(at: time(seconds), times: times) { _ in "" } },
                    try problem { _ = try directory.advance(at: time(seconds), times: times) },
                ]
            }
            #expect(try refusals(at: 0) == [.missingDirectory, .missingDirectory])
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            #expect(try refusals(at: 1) == [nil, nil])
            let behind = KeyFileError.Problem.refused(.clockBehind(now: time(-60), writtenAt: time(0)))
            #expect(try refusals(at: -60) == [behind, behind])
            try FileManager.default.removeItem(atPath: "\(path)/\(key.fileName)")
            let missing = KeyFileError.Problem.missingKeyFile(keyID: key.keyID)
            #expect(try refusals(at: 1) == [missing, missing])
        }
    }

    @Test func readsTheTimeUnderTheLock() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            var wasLocked = false
            func read() -> UnixTime {
                do throws(KeyFileError) {
                    _ = try SigningKeyDirectory(path: path, lockPatience: .zero).generate(
                        algorithm: .es256, at: time(1), times: times)
                } catch { wasLocked = error.problem == .locked(patience: .zero) }
                return time(40)
            }
            let key = try directory.generate(algorithm: .es256, at: read(), times: times)
            #expect(key.since == time(40) && wasLocked)
        }
    }
}
