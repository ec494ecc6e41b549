import Foundation
import ServiceConfiguration
import Testing
import TokenExchange

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
        #expect(try secret.read() == "another-secret-now")
    }

    static let ends = ["\n", "\r\n", "\n\n", " ", "\t", " \t\r\n \n"]

    /// From wherever it comes: whoever wrote it there did not mean them.
    @Test(
        arguments: ends.map { "sixteen letters!\($0)" } + ends.map { "\($0)sixteen letters!" } + [
            "\u{FEFF}sixteen letters!\n"
        ])
    func leavesOutBlanksAndNewlinesAtEitherEnd(_ text: String) throws {
        try folder.write(text, to: "secret", mode: 0o600)
        #expect(try secret("{ file: secret }").read() == "sixteen letters!")
        #expect(try secret("{ env: NAME }", environment: ["NAME": text]).read() == "sixteen letters!")
    }

    /// Each named by its variable or file, without a word of what it holds.
    @Test(arguments: [
        ("marker-01\n23456789", "a secret without control characters, found one within that of"),
        ("marker-01\t23456789", "a secret without control characters, found one within that of"),
        ("marker-01\u{7F}23456789", "a secret without control characters, found one within that of"),
        ("marker-01\u{85}23456789", "a secret without control characters, found one within that of"),
        ("marker-01\u{FFFD}23456789", "a secret as text in UTF-8, found other bytes in"),
        (" \r\n", "a secret, found only blanks in"),
    ])
    func refusesSecretsThatNobodyCanHaveMeant(_ text: String, _ words: String) throws {
        try folder.write(text, to: "secret", mode: 0o600)
        #expect(try complaint("{ file: secret }").contains("expected \(words) secret."))
        let complaint = try complaint("{ env: NAME }", environment: ["NAME": text])
        #expect(complaint.contains("expected \(words) the environment variable NAME."))
        #expect(complaint.hasPrefix("config.yaml:10: verifiers[0].secret: ") && !complaint.contains("marker"))
    }

    @Test(arguments: [Data([0xFF, 0xFE, 0x61, 0]), Data([0x61, 0, 0x62, 0]), Data([0x61, 0xE4])])
    func refusesFilesInOtherEncodings(_ bytes: Data) throws {
        try folder.write(bytes, to: "secret", mode: 0o600)
        #expect(try complaint("{ file: secret }").contains("a secret as text in UTF-8, found other bytes in secret."))
    }

    @Test func refusesAFileWithAZeroByte() throws {
        try folder.write(Data("marker-0123\0456789".utf8), to: "secret", mode: 0o600)
        let complaint = try complaint("{ file: secret }")
        #expect(complaint.contains("without control characters") && !complaint.contains("marker"))
    }

    @Test func countsCharactersOnceTheEndsAreLeftOut() throws {
        let fifteen = String(repeating: "x", count: 15)
        #expect(
            try complaint("{ env: NAME }", environment: ["NAME": fifteen + "\n"]).contains("at least 16 characters"))
        #expect(try secret("{ env: NAME }", environment: ["NAME": fifteen + "x\n"]).read() == fifteen + "x")
    }

    /// Every secret of a file: each place reads by the same rule.
    @Test func leavesThemOutOfEverySecret() async throws {
        for (name, text) in [
            ("secret", "a-secret-from-a-file"), ("long-secret", "a-secret-of-more-than-thirty-two-letters"),
        ] {
            try folder.write(" \(text)\r\n\n", to: name, mode: 0o600)
        }
        let environment = longestEnvironment.mapValues { " \($0)\r\n" }
        let configuration = try folder.load(longest, environment: environment)
        guard case .redis(let redis) = configuration.sessions.store,
            case .upstream(let recipe) = configuration.identityProviders[2].token.kind
        else {
            Issue.record("of another kind")
            return
        }
        let secrets: [Secret?] =
            [
                redis.password, redis.sentinel.password, configuration.signing.passphrase,
                configuration.sessions.cacheSecret, configuration.log.correlationKey,
            ]
            + configuration.verifiers.map(\.secret)
        #expect(
            try secrets.map { try $0?.read() } == [
                "a-secret-from-a-file", "a-secret-from-a-file", "a-secret-from-a-file",
                "a-secret-of-more-than-thirty-two-letters", "a-secret-from-a-file", "sixteen-letters!",
                "a-secret-from-a-file",
            ])
        var texts: [String] = []
        for field in recipe.headers + recipe.body {
            if case .secret(let secret) = field.source { texts.append(try await secret.read(.seconds(5))) }
        }
        #expect(texts == ["a key", "a-secret-from-a-file"])
    }

    @Test func readsAFileThroughASymbolicLink() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: folder.path + "/secret")
        #expect(try secret("{ file: link }").read() == "a-secret-from-a-file")
    }

    @Test func saysWhyAFileCannotBeReadAnyMore() throws {
        let secret = try secret("{ file: secret }")
        try folder.write("another-secret-now", to: "secret", mode: 0o644)
        let error = #expect(throws: ConfigurationProblem.self) { try secret.read() }
        #expect(error?.description.hasPrefix("\(folder.path)/config.yaml:10: verifiers[0].secret: expected ") == true)
        #expect(error?.description.contains("readable by everybody") == true)
        #expect(error?.description.contains("another") == false)
    }

    @Test func refusesAPipeInsteadOfWaitingForItsWriter() throws {
        let secret = try secret("{ file: secret }")
        let path = folder.path + "/secret"
        try FileManager.default.removeItem(atPath: path)
        try #require(mkfifo(path, 0o600) == 0)
        let error = #expect(throws: ConfigurationProblem.self) { try secret.read() }
        #expect(error?.description.hasSuffix("expected a regular file, found \(path), a pipe or a device.") == true)
    }

    @Test func printsNothingOfItself() throws {
        let secret = try secret("{ env: NAME }", environment: ["NAME": "marker-0123456789"])
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("marker"))
        #expect(secret.source == .environment(name: "NAME"))
        #expect(try secret.read() == "marker-0123456789")
    }

    @Test func takesACorrelationKeyOfSixteenCharacters() throws {
        let yaml = Self.yaml("{ env: KEY }") + "log: { correlation_key: { env: KEY } }\n"
        let log = try folder.load(yaml, environment: ["KEY": "sixteen-letters!"]).log
        #expect(try log.correlationKey?.read() == "sixteen-letters!")
        #expect(log.lasting.correlationKey == nil, "a reload renews it")
    }

    private func secret(_ yaml: String, environment: [String: String] = [:]) throws -> Secret {
        try #require(try folder.load(Self.yaml(yaml), environment: environment).verifiers.first).secret
    }

    private func complaint(_ yaml: String, environment: [String: String] = [:]) throws -> String {
        try folder.complaints(about: Self.yaml(yaml), environment: environment)
    }

    private static func yaml(_ secret: String) -> String {
        shortest + "verifiers: [{ id: a, identity_providers: [loyalty], secret: \(secret) }]\n"
    }
}
