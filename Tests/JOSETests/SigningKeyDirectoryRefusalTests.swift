import FoundationEssentials
import JOSE
import Testing
import TokenExchange

@Suite("What is refused in a signing key directory")
struct SigningKeyDirectoryRefusalTests {
    private let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(3600)])
    private static let start = UnixTime(seconds: 2_000_000_000)

    private func time(_ seconds: Int) -> UnixTime { Self.start + .seconds(seconds) }

    /// Every prefix of a manifest, and some edits: refused with the file's name, and nothing is lost.
    @Test func refusesAManifestThatIsNotWhole() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            _ = try directory.generate(algorithm: .es256, at: time(1), times: times)
            let whole = try manifestText(path)
            let edits = [
                ("\"state\": \"published\"", "\"state\": \"active\""), ("\"published\"", "\"retiring\""),
                ("\"published\"", "\"asleep\""), ("\"version\": 1", "\"version\": 2"),
                (String(key.keyID), "../../etc/passwd"),
                ("\"ES256\"", "\"none\""), ("2033-05-18T03:33:20.000Z", "yesterday"), ("\"keys\"", "\"key\""),
                ("\"seconds\": 600", "\"seconds\": -1"),
            ].map { whole.replacing($0, with: $1) }
            for text in stride(from: 0, to: whole.count - 2, by: 7).map({ String(whole.prefix($0)) }) + edits {
                #expect(text != whole)
                try Data(text.utf8).write(to: URL(filePath: "\(path)/manifest.json"))
                for work in [
                    { _ = try directory.load(at: time(2), times: times) },
                    { _ = try directory.generate(algorithm: .es256, at: time(2), times: times) },
                ] {
                    do {
                        try work()
                        Issue.record("taken: \(text)")
                    } catch let error as KeyFileError {
                        #expect("\(error)".hasPrefix("\(path)/manifest.json: expected "))
                    }
                }
                #expect(try files(path).count == 3)
            }
            try Data(whole.utf8).write(to: URL(filePath: "\(path)/manifest.json"))
            #expect(try directory.load(at: time(2), times: times).manifest.keys.count == 2)
        }
    }

    @Test func refusesAManifestThatOthersMayWrite() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o666], ofItemAtPath: "\(path)/manifest.json")
            #expect(
                try problem { _ = try directory.load(at: time(0), times: times) } == .worldWritable(mode: 0o666))
        }
    }

    @Test func refusesADirectoryThatOthersMayWrite() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
            #expect(
                try problem { _ = try directory.load(at: time(0), times: times) }
                    == .worldWritableDirectory(mode: 0o777))
            #expect(try directory.revoke(key.keyID, at: time(1), times: times).count == 3)
            // As secrets are mounted.
            try FileManager.default.setAttributes([.posixPermissions: 0o1777], ofItemAtPath: path)
            #expect(try directory.load(at: time(1), times: times).manifest.keys.count == 2)
        }
    }

    @Test func refusesToTakeUpOneKeyForTwoAlgorithms() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let key = try directory.generate(algorithm: .rs256, at: time(0), times: times)
            try FileManager.default.removeItem(atPath: "\(path)/manifest.json")
            let other = "PS256-\(key.keyID).pem"
            try FileManager.default.copyItem(atPath: "\(path)/\(key.fileName)", toPath: "\(path)/\(other)")
            #expect(
                try problem { _ = try directory.generate(algorithm: .es256, at: time(1), times: times) }
                    == .sameKey(fileNames: [other, key.fileName]))
            #expect(try files(path) == [other, key.fileName])
        }
    }

    @Test func namesTheMissingFileOfAKey() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            try FileManager.default.removeItem(atPath: "\(path)/\(key.fileName)")
            #expect(
                try problem { _ = try directory.load(at: time(0), times: times) }
                    == .missingKeyFile(keyID: key.keyID))
        }
    }

    @Test func refusesAKeyThatWasSwappedForAnother() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let first = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let second = try directory.generate(algorithm: .es256, at: time(1), times: times)
            let before = try directory.fingerprint()
            try FileManager.default.removeItem(atPath: "\(path)/\(first.fileName)")
            try FileManager.default.copyItem(
                atPath: "\(path)/\(second.fileName)", toPath: "\(path)/\(first.fileName)")
            #expect(try directory.fingerprint() != before)
            #expect(
                try problem { _ = try directory.load(at: time(2), times: times) }
                    == .nameIsNotThumbprint(found: second.keyID))
        }
    }

    @Test func refusesAClockThatWasSetBack() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let before = try files(path)
            #expect(
                try problem { _ = try directory.generate(algorithm: .es256, at: time(-3600), times: times) }
                    == .refused(.clockBehind(now: time(-3600), writtenAt: time(0))))
            #expect(try files(path) == before)
        }
    }
}
