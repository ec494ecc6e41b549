import FoundationEssentials
import JOSE
import Testing
import TokenExchange

/// What is written can always be read again, however many keys there are.
@Suite struct SigningKeyLimitTests {
    private let times = SigningKeyTimes(longestLifetimes: [.es256: .seconds(3600)])

    private func time(_ seconds: Int) -> UnixTime { UnixTime(seconds: 2_000_000_000) + .seconds(seconds) }

    /// More than 64 KiB: earlier versions wrote that, but could not read it again.
    private func writeManifest(of count: Int, in path: String) throws {
        let text = try manifestText(path)
        let records = (0..<count).map { index in
            let bytes = withUnsafeBytes(of: index.bigEndian, Array.init) + [UInt8](repeating: 9, count: 24)
            return """
                    {
                      "kid": "\(Base64URL.text(bytes))",
                      "algorithm": "ES256",
                      "state": "revoked",
                      "since": "\(time(0).text)",
                      "may_sign_from": "\(time(0).text)",
                      "tokens_die_by": "\(time(1).text)"
                    },

                """
        }
        let changed = text.replacing("\"keys\": [\n", with: "\"keys\": [\n" + records.joined(), maxReplacements: 1)
        try Data(changed.utf8).write(to: URL(filePath: "\(path)/manifest.json"))
    }

    @Test func readsAndChangesAManifestOfManyKeys() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            try writeManifest(of: 300, in: path)
            #expect(try manifestText(path).utf8.count > 65_536)
            #expect(try directory.load(at: time(2), times: times).manifest.keys.count == 301)
            #expect(try directory.generate(algorithm: .es256, at: time(2), times: times).state == .published)
            #expect(try directory.revoke(key.keyID, at: time(3), times: times).count == 2)
            #expect(try directory.load(at: time(3), times: times).manifest.record(key.keyID)?.state == .revoked)
        }
    }

    @Test func revokesAKeyOfAFullManifest() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let key = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let limit = SigningKeyManifest.keyLimit
            try writeManifest(of: limit - 1, in: path)
            let before = try files(path)
            #expect(
                try problem { _ = try directory.generate(algorithm: .es256, at: time(2), times: times) }
                    == .refused(.tooManyKeys(limit: limit)))
            #expect(try files(path) == before)
            #expect(try directory.revoke(key.keyID, at: time(3), times: times).count == 3)
            let manifest = try directory.load(at: time(3), times: times).manifest
            #expect(manifest.keys.count == limit + 1 && manifest.record(key.keyID)?.state == .revoked)
        }
    }

    /// The year 11017 has one digit more than the manifest has room for.
    @Test(arguments: [285_500_000_000, Double.infinity, -Double.infinity])
    func writesAManifestThatCanBeReadAgainWhateverTheClockSays(_ seconds: Double) throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let now = UnixTime(seconds: seconds)
            for _ in 1...2 { _ = try directory.generate(algorithm: .es256, at: now, times: times) }
            #expect(try directory.manifest(at: now, times: times).keys.map(\.state) == [.active, .published])
        }
    }

    @Test(arguments: [0, 1]) func refusesAManifestBeyondTheLimitOfItsFile(_ excess: Int) throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let text = try manifestText(path)
            let padding = String(repeating: " ", count: (16 << 20) - text.utf8.count + excess)
            try Data((text + padding).utf8).write(to: URL(filePath: "\(path)/manifest.json"))
            let problem = try problem { _ = try directory.manifest(at: time(1), times: times) }
            #expect(problem == (excess == 0 ? nil : .tooLarge(limit: 16 << 20)))
        }
    }

    @Test func readsAManifestThatWasEditedByHandWithAByteOrderMark() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            _ = try directory.generate(algorithm: .es256, at: time(0), times: times)
            let text = "\u{FEFF}" + (try manifestText(path)).replacing("\n", with: "\r\n")
            try Data(text.utf8).write(to: URL(filePath: "\(path)/manifest.json"))
            #expect(try directory.load(at: time(1), times: times).manifest.keys.count == 1)
        }
    }

    @Test func saysThatTheDirectoryIsAFile() throws {
        try withTemporaryDirectory { path in
            try Data().write(to: URL(filePath: path))
            let directory = SigningKeyDirectory(path: path)
            #expect(try problem { _ = try directory.load(at: time(0), times: times) } == .noDirectory)
            let below = SigningKeyDirectory(path: path + "/signing")
            #expect(
                try problem { _ = try below.generate(algorithm: .es256, at: time(0), times: times) }
                    == .unreadable(operation: "make the directory", cause: "Not a directory"))
        }
    }
}
