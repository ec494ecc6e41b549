import Foundation
import ServiceConfiguration
import Testing

@Suite struct SecretTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    @Test func readsAFileAnewEachTime() throws {
        let secret = try secret("{ file: secret }")
        #expect(secret.source == .file(folder.path + "/secret"))
        #expect(try secret.read() == "a-secret-from-a-file")
        try folder.write("another-secret-now\n\n", to: "secret", mode: 0o600)
        #expect(try secret.read() == "another-secret-now\n")
    }

    @Test func readsAFileThroughASymbolicLink() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: folder.path + "/secret")
        #expect(try secret("{ file: link }").read() == "a-secret-from-a-file")
    }

    @Test func saysWhyAFileCannotBeReadAnyMore() throws {
        let secret = try secret("{ file: secret }")
        try folder.write("another-secret-now", to: "secret", mode: 0o644)
        let error = #expect(throws: SecretUnavailable.self) { try secret.read() }
        #expect(error?.description.contains("readable by everybody") == true)
        #expect(error?.description.contains("another") == false)
    }

    @Test func printsNothingOfItself() throws {
        let secret = try secret("{ env: NAME }", environment: ["NAME": "marker-0123456789"])
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("marker"))
        #expect(secret.source == .environment(name: "NAME"))
        #expect(try secret.read() == "marker-0123456789")
    }

    private func secret(_ yaml: String, environment: [String: String] = [:]) throws -> Secret {
        let verifiers = "verifiers: [{ id: a, identity_providers: [loyalty], secret: \(yaml) }]\n"
        return try #require(try folder.load(shortest + verifiers, environment: environment).verifiers.first).secret
    }
}
