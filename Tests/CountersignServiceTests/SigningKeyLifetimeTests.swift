import CountersignService
import FoundationEssentials
import TestSupport
import Testing
import TokenExchange

@Suite struct SigningKeyLifetimeTests {
    /// Wherever in the configuration that provider is.
    @Test func keepsKeysForTheLongestLifetimeOfAnyProvider() throws {
        var settings = CountersignProcess.Settings()
        settings.providers = ["1h", "24h", "2h"].map { lifetime in
            CountersignProcess.Settings.provider("p-\(lifetime)", token: "kind: jwt, lifetime: \(lifetime)")
        }.joined()
        let folder = try CountersignProcess.prepare(settings)
        let file = "\(folder.path)/countersign.yaml"
        let configuration = try Blueprint(file: file, environment: [:]).configuration
        _ = try SigningKeyCommands(configuration, file: file, time: .machine).generate(.es256)
        let manifest = try Data(contentsOf: URL(filePath: "\(folder.path)/signing/manifest.json"))
        let lifetimes = try JSONValue(parsing: Array(manifest))["token_lifetimes"]
        #expect(lifetimes?["ES256"]?["seconds"]?.integer == 86_400)
    }
}
