import Foundation
import ServiceConfiguration
import Testing

/// `config/countersign.schema.json` against what the readers do.
@Suite struct SchemaTests {
    let folder: ScratchFolder
    let schema: SchemaDocument

    init() throws {
        folder = try ScratchFolder()
        schema = try SchemaDocument(contentsOf: repositoryPath("config/countersign.schema.json"))
    }

    @Test func describesExactlyTheKeysThatReadersKnow() throws {
        try folder.write(longest + probeKeys, to: "config.yaml")
        let known = Configuration.knownKeys(reading: folder.path + "/config.yaml", environment: longestEnvironment)
        #expect(known.count > 70)
        #expect(schema.keys.subtracting(known).sorted() == [])
        #expect(known.subtracting(schema.keys).sorted() == [])
    }

    @Test func describesEveryKeyInWords() {
        let silent = schema.keys.filter { schema.description(of: $0).isEmpty }
        #expect(silent.sorted() == [])
    }

    @Test func namesEveryKeyInTheReference() throws {
        let reference = try String(contentsOf: repositoryPath("docs/configuration.md"), encoding: .utf8)
        #expect(schema.keys.filter { !reference.contains("| `\($0)` |") }.sorted() == [])
    }

    @Test(arguments: [
        "", "listen", "limits", "outbound", "signing", "sessions.redis", "tenants[]", "verifiers[]", "probe",
    ])
    func refusesOtherKeys(_ path: String) throws {
        #expect(schema.keys.contains { $0.hasPrefix(path) })
        #expect(schema.refusesOtherKeys(at: path))
    }

    /// The bounds that the schema states are those that hold.
    @Test(arguments: [
        "body_bytes", "token_bytes", "json_depth", "json_members", "requests_per_second", "burst", "sources",
        "connections", "head_bytes", "connections_per_source", "requests_in_progress",
    ])
    func statesTheBoundsOfALimit(_ key: String) throws {
        let (lowest, highest) = try #require(schema.bounds(of: "limits.\(key)"))
        let message = "expected a whole number from \(lowest) to \(highest), found the number"
        #expect(try complaints(key, lowest) == "")
        #expect(try complaints(key, highest) == "")
        #expect(try complaints(key, lowest - 1) == "config.yaml:10: limits.\(key): \(message) \(lowest - 1).")
        #expect(try complaints(key, highest + 1) == "config.yaml:10: limits.\(key): \(message) \(highest + 1).")
    }

    @Test func boundsEveryIntegerLimit() {
        #expect(schema.keys.filter { $0.hasPrefix("limits.") && schema.bounds(of: $0) != nil }.count == 11)
    }

    private func complaints(_ key: String, _ value: Int) throws -> String {
        let other = key == "body_bytes" ? ", token_bytes: 512" : key == "token_bytes" ? ", body_bytes: 1048576" : ""
        return try folder.complaints(about: shortest + "limits: { \(key): \(value)\(other) }\n")
    }
}
