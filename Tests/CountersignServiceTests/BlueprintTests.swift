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
}
