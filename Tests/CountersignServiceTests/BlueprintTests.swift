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
            problem == "FOLDER/issuer.json: expected a key that tenant acme-staging allows, found none of use "
                + "(1 skipped: symmetric_key); compare with `algorithms`")
    }

    @Test func refusesAFileThatIsNoKeySet() throws {
        let problem = try problems { try $0.write("issuer.json", "hello") }
        #expect(problem == "FOLDER/issuer.json: expected a JWK set, found no valid JSON")
    }

    @Test(arguments: ["", "broken"])
    func refusesAuthoritiesOfRedisThatAreNone(text: String) throws {
        var settings = CountersignProcess.Settings()
        settings.sessions = #"{ store: redis, redis: { url: "rediss://127.0.0.1", tls: { ca_file: ca.pem } } }"#
        let found = try problems(settings) { try $0.write("ca.pem", text) }
        #expect(
            found == "FOLDER/countersign.yaml: sessions.redis.tls.ca_file: expected certificates in PEM, "
                + "found a file without, or with a broken one")
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
            blueprint.remarks.count == 1 && blueprint.remarks[0].hasSuffix("left out of the set: use_not_signature"))
    }
}
