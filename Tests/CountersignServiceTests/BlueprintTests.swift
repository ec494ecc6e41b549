import CountersignService
import Foundation
import TestSupport
import Testing
import TokenExchange

/// What start-up refuses beyond the configuration file itself: keys, and what follows from them.
@Suite struct BlueprintTests {
    private func problems(
        _ settings: CountersignProcess.Settings = CountersignProcess.Settings(),
        _ change: (TemporaryFolder) throws -> Void
    ) throws -> String {
        let folder = try CountersignProcess.prepare(settings)
        try change(folder)
        do {
            _ = try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:])
            return ""
        } catch {
            return "\(error)".replacing(folder.path, with: "FOLDER")
        }
    }

    @Test func acceptsWhatIsInOrder() throws {
        #expect(try problems { _ in } == "")
    }

    @Test func refusesAKeySetWithoutAUsableKey() throws {
        let problem = try problems { try $0.write("issuer.json", #"{"keys":[{"kty":"oct","k":"AAAA"}]}"#) }
        #expect(
            problem
                == "FOLDER/countersign.yaml:8: tenants[0].keys.jwks_file: FOLDER/issuer.json: expected a key that tenant acme-staging allows, found none of use "
                + "(1 skipped: keys[0]: kty: symmetric_key); compare with `algorithms`")
    }

    @Test func refusesAFileThatIsNoKeySet() throws {
        let problem = try problems { try $0.write("issuer.json", "hello") }
        #expect(
            problem == "FOLDER/countersign.yaml:8: tenants[0].keys.jwks_file: FOLDER/issuer.json: expected a JWK set, "
                + "found no valid JSON")
    }

    /// Each names its place, its file and what to do, and none hides another.
    @Test func reportsEveryProblemOfEveryKind() throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        settings.sessions = #"{ store: redis, redis: { url: "rediss://127.0.0.1", tls: { ca_file: ca.pem } } }"#
        settings.keys = "{ jwks_file: issuer.json }"
        settings.listenMore = ", tls: { certificate_chain: chain.pem, private_key: key.pem }"
        let found = try problems(settings) { folder in
            for (name, text) in [("ca.pem", "hello"), ("issuer.json", ""), ("chain.pem", ""), ("key.pem", "")] {
                chmod(try folder.write(name, text), 0o600)
            }
        }
        let places = found.split(separator: "\n").map { $0.split(separator: ": ")[1] }
        #expect(
            places == [
                "listen.tls.certificate_chain", "listen.tls.private_key", "tenants[0].keys.jwks_file",
                "sessions.redis.tls.ca_file", "signing.directory",
            ])
        #expect(found.contains("make one with: countersign keys generate --config FOLDER/countersign.yaml"))
    }

    @Test func refusesAKeySetInUTF16() throws {
        let problem = try problems { folder in
            try Data("{\"keys\":[]}".utf8.flatMap { [$0, UInt8(0)] as [UInt8] }).write(
                to: URL(filePath: "\(folder.path)/issuer.json"))
        }
        #expect(problem.hasSuffix("expected a JWK set in UTF-8, found text in UTF-16; save the file as UTF-8"))
    }

    @Test func readsAKeySetWithAByteOrderMark() throws {
        let found = try problems { folder in
            let text = try String(contentsOfFile: "\(folder.path)/issuer.json", encoding: .utf8)
            try folder.write("issuer.json", "\u{FEFF}\(text)\r\n")
        }
        #expect(found == "")
    }

    @Test(arguments: [("10.0.0.0/8", 0), ("0.0.0.0/1", 0), ("0.0.0.0/0", 1), ("\"::/0\"", 1)])
    func notesThatEverybodyIsATrustedProxy(network: String, remarks: Int) throws {
        var settings = CountersignProcess.Settings()
        settings.listenMore = ", trusted_proxies: [\(network)]"
        let folder = try CountersignProcess.prepare(settings)
        let blueprint = try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:])
        #expect(blueprint.remarks.count { $0.contains("trusts everybody") } == remarks)
    }

    @Test func notesTheKeysOfAnIssuerThatAreNoneOfOurBusiness() throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let file = "\(folder.path)/issuer.json"
        let set = try String(contentsOfFile: file, encoding: .utf8)
        try folder.write(
            "issuer.json", set.replacing("[{", with: #"[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"},{"#))
        let blueprint = try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:])
        #expect(
            blueprint.remarks.count == 1
                && blueprint.remarks[0].hasSuffix("left out of the set: keys[0]: use: use_not_signature"))
    }

    // MARK: What would be minted

    @Test func needsAnActiveKeyForEachAlgorithm() throws {
        var settings = CountersignProcess.Settings()
        settings.providers += CountersignProcess.Settings.provider("notes", token: "kind: jwt, algorithm: RS256")
        let problem = try problems(settings) { _ in }
        #expect(
            problem.contains(": identity_providers[1].token.algorithm: expected an active RS256 key in FOLDER/signing"))
        #expect(
            problem.hasSuffix(
                "found none. Make one with: countersign keys generate --algorithm RS256 "
                    + "--config FOLDER/countersign.yaml"))
    }

    /// Checked with the smallest token that the provider can get.
    @Test func refusesATokenThatCannotFitIntoItsLimit() throws {
        func provider(_ bytes: Int) -> CountersignProcess.Settings {
            var settings = CountersignProcess.Settings()
            settings.providers = CountersignProcess.Settings.provider(
                "vip-loyalty", token: "kind: jwt, maximum_bytes: \(bytes)")
            return settings
        }
        let problem = try problems(provider(128)) { _ in }
        let minimum = try #require(
            problem.firstMatch(of: /maximum_bytes of at least (\d+), which/).flatMap { Int($0.1) })
        #expect(problem.contains(": identity_providers[0].token.maximum_bytes: expected "))
        #expect(try problems(provider(minimum - 1)) { _ in }.contains("at least \(minimum)"))
        #expect(try problems(provider(minimum)) { _ in } == "")
    }

    // MARK: Secrets

    @Test func refusesSecretsThatAreTooShortOrMissing() throws {
        var settings = CountersignProcess.Settings()
        settings.verifiers = [TestVerifier("asker", of: "vip-loyalty", secret: "fifteen-letters")]
        settings.sessions = "{ store: memory, cache_secret: { env: CACHE_SECRET } }"
        settings.signing = "{ directory: signing, passphrase: { file: passphrase } }"
        let found = try problems(settings) { _ in }.split(separator: "\n")
        #expect(found.count == 3, "\(found)")
        #expect(found.contains { $0.contains(": signing.passphrase: expected ") && $0.contains("FOLDER/passphrase") })
        #expect(found.contains { $0.contains("the environment variable CACHE_SECRET, found it unset") })
        #expect(found.contains { $0.contains("expected a secret of at least 16 characters, found a shorter one") })
        #expect(!found.joined().contains("fifteen-letters"))
    }

    @Test func refusesASecretThatEverybodyCanRead() throws {
        var settings = CountersignProcess.Settings()
        settings.verifiers = [TestVerifier("asker", of: "vip-loyalty")]
        let found = try problems(settings) { chmod("\($0.path)/asker.secret", 0o644) }
        #expect(found.contains("expected a file that other users cannot read, found FOLDER/asker.secret, readable by"))
    }

    @Test func acceptsAPassphraseOfAtMost1023Bytes() throws {
        var settings = CountersignProcess.Settings()
        settings.signing = "{ directory: signing, passphrase: { file: passphrase } }"
        for (count, isRefused) in [(1022, false), (1023, false), (1024, true)] {
            let found = try problems(settings) {
                chmod(try $0.write("passphrase", String(repeating: "x", count: count)), 0o600)
            }
            #expect(found.contains("signing.passphrase: expected a passphrase of at most 1023 bytes") == isRefused)
            #expect(isRefused || found == "")
        }
    }
}
