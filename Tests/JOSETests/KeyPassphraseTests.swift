import FoundationEssentials
import JOSE
import Synchronization
import Testing
import TokenExchange

/// Which commands need the passphrase of key files, and which do not.
@Suite struct KeyPassphraseTests {
    private let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(3600)])

    private func time(_ seconds: Int) -> UnixTime { UnixTime(seconds: 2_000_000_000) + .seconds(seconds) }

    @Test func encryptsKeysWithAPassphraseAndReadsThemOnlyWithIt() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path) { KeyPassphrase("correct horse") }
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let pem = try String(decoding: Data(contentsOf: URL(filePath: "\(path)/\(key.fileName)")), as: UTF8.self)
            #expect(pem.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
            _ = try directory.load(at: time(0), times: times)
            #expect(
                try problem { _ = try SigningKeyDirectory(path: path).load(at: time(0)) } == .key(.encrypted))
            #expect(
                try problem {
                    _ = try SigningKeyDirectory(path: path, passphrase: { KeyPassphrase("wrong") }).load(at: time(0))
                } == .key(.wrongPassphrase))
        }
    }

    private struct NoPassphrase: Error, CustomStringConvertible {
        let description = "no such variable"
    }

    private let noPassphrase: KeyPassphrase.Source = { throw NoPassphrase() }

    @Test func needsNoPassphraseForKeysThatAreNotEncrypted() throws {
        try withTemporaryDirectory { path in
            let key = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: time(0), times: times)
            let directory = SigningKeyDirectory(path: path, passphrase: noPassphrase)
            #expect(try directory.load(at: time(0), times: times).manifest.keys == [key])
            #expect(
                try problem { _ = try directory.generate(algorithm: .es256, at: time(1), times: times) }
                    == .noPassphrase(cause: "no such variable"))
            #expect(try files(path) == [key.fileName, "manifest.json"])
        }
    }

    @Test func listsKeysWithoutReadingThem() throws {
        try withTemporaryDirectory { path in
            let key = try SigningKeyDirectory(path: path) { KeyPassphrase("correct horse") }
                .generate(algorithm: .es256, at: time(0), times: times)
            let directory = SigningKeyDirectory(path: path, passphrase: noPassphrase)
            #expect(
                try problem { _ = try directory.load(at: time(0), times: times) }
                    == .key(.noPassphrase(cause: "no such variable")))
            #expect(try directory.listing(at: time(0), times: times).manifest.keys == [key])
            let other = "ES256-\(Base64URL.text([UInt8](repeating: 7, count: 32))).pem"
            try FileManager.default.moveItem(atPath: "\(path)/\(key.fileName)", toPath: "\(path)/\(other)")
            let listing = try directory.listing(at: time(0), times: times)
            #expect(listing.unlistedFiles == [other] && listing.missingFiles == [key.fileName])
        }
    }

    /// In an emergency, perhaps nobody knows the passphrase.
    @Test func revokesAKeyEvenIfNoOtherCanBeMade() throws {
        try withTemporaryDirectory { path in
            let key = try SigningKeyDirectory(path: path) { KeyPassphrase("correct horse") }
                .generate(algorithm: .es256, at: time(0), times: times)
            let directory = SigningKeyDirectory(path: path, passphrase: noPassphrase)
            let changes = try directory.revoke(key.keyID, at: time(1), times: times)
            guard case .notReplaced(let record, let problem)? = changes.first, changes.count == 2 else {
                Issue.record("\(changes)")
                return
            }
            #expect(record.keyID == key.keyID && problem.contains("no such variable"))
            #expect(try directory.manifest(at: time(1), times: times).keys.map(\.state) == [.revoked])
            #expect(try files(path) == ["\(key.fileName).removed", "manifest.json"])
        }
    }

    @Test func refusesPassphrasesThatOpenSSLWouldCut() {
        #expect(KeyPassphrase("") == nil && KeyPassphrase("a\0b") == nil)
        #expect(KeyPassphrase(String(repeating: "x", count: 1023)) != nil)
        #expect(KeyPassphrase(String(repeating: "x", count: 1024)) == nil)
    }

    /// Such as one that is being restored. The passphrase is asked for in the midst of a reading.
    @Test func refusesADirectoryThatChangesWhileItIsRead() throws {
        try withTemporaryDirectory { path in
            let key = try SigningKeyDirectory(path: path) { KeyPassphrase("correct horse") }
                .generate(algorithm: .es256, at: time(0), times: times)
            let readings = Mutex(0.0)
            let restless = SigningKeyDirectory(path: path) {
                let number = readings.withLock { readings in
                    readings += 1
                    return readings
                }
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: number)],
                    ofItemAtPath: "\(path)/\(key.fileName)")
                return KeyPassphrase("correct horse")
            }
            #expect(try problem { _ = try restless.load(at: time(0), times: times) } == .unsteady)
        }
    }
}
