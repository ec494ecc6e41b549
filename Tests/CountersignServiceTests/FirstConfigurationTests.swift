import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What `countersign init` asks and writes.
@Suite struct FirstConfigurationTests {
    private let folder = TemporaryFolder()
    private let clock = ManualClock()

    private var file: String { "\(folder.path)/countersign.yaml" }

    private func answers(_ change: (inout FirstConfiguration) -> Void = { _ in }) -> FirstConfiguration {
        var answers = FirstConfiguration()
        answers.issuer = "acme-staging"
        change(&answers)
        return answers
    }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    @Test func writesAFileThatServeStartsWithAndItsKey() throws {
        let text = try answers().make(file, time: clock.time)
        let blueprint = try Blueprint(file: file, environment: [:], now: clock.now)
        let configuration = blueprint.configuration
        #expect(blueprint.remarks == [] && configuration.warnings == [])
        #expect(configuration.tenants.map(\.name) == ["acme-staging"])
        #expect(configuration.tenants[0].issuer == "https://id.p.newstore.net/auth/realms/acme-staging")
        guard case .jwksURL(let keys) = configuration.tenants[0].keys else {
            Issue.record("keys are fetched")
            return
        }
        #expect(keys.url == "https://id.p.newstore.net/auth/realms/acme-staging/protocol/openid-connect/certs")
        #expect(configuration.identityProviders.map(\.name) == ["vip-loyalty"])
        #expect(configuration.listen.public.description == "127.0.0.1:8080")
        for command in ["serve", "doctor", "app-config"] {
            #expect(text.contains("\n  countersign \(command) --config \(file)\n"))
        }
        #expect(try names == ["countersign.yaml", "signing"])
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("\n# "), "it is commented")
    }

    @Test func writesEveryAnswer() throws {
        let answers = answers {
            $0.issuer = "https://login.acme.example/Realms/Acme Prod".replacing(" ", with: "_")
            $0.publicURL = "https://identity.acme.example"
            $0.providers = ["vip-loyalty", "notes"]
            $0.origins = ["https://loyalty.acme.example", "https://notes.acme.example"]
            $0.tokenKind = "opaque"
            $0.store = "rediss-sentinel://one,two/main"
        }
        _ = try answers.make(file, time: clock.time)
        let configuration = try Configuration.parse(file: file, environment: [:])
        #expect(configuration.publicURL == "https://identity.acme.example")
        #expect(configuration.tenants[0].issuer == "https://login.acme.example/Realms/Acme_Prod")
        #expect(configuration.tenants[0].name == "acme_prod")
        #expect(configuration.identityProviders.map(\.name) == ["vip-loyalty", "notes"])
        for provider in configuration.identityProviders {
            #expect(provider.webviewOrigins == ["https://loyalty.acme.example", "https://notes.acme.example"])
            #expect(provider.token.kind == .opaque)
        }
        guard case .redis(let redis) = configuration.sessions.store else {
            Issue.record("sessions are in Redis")
            return
        }
        #expect(redis.url.isTLS)
    }

    @Test(arguments: [
        ("http://127.0.0.1:9000", "127.0.0.1:9000", 8081), ("http://127.0.0.1:8081", "127.0.0.1:8081", 8082),
        ("http://localhost", "localhost:80", 8081), ("http://[::1]:9000", "[::1]:9000", 8081),
        ("http://[::1]", "[::1]:80", 8081), ("https://identity.acme.example", "127.0.0.1:8080", 8081),
    ])
    func listensWhereTheURLOfATrialPoints(url: String, address: String, operations: Int) throws {
        _ = try answers { $0.publicURL = url }.make(file, time: clock.time)
        let listen = try Configuration.parse(file: file, environment: [:]).listen
        #expect(listen.public.description == address && listen.operations.port == operations)
    }

    // MARK: What is there already

    @Test func overwritesNoFile() throws {
        try folder.write("countersign.yaml", "mine")
        for attempt in [
            { _ = try answers().make(file, time: clock.time) }, { try FirstConfiguration.refuseToOverwrite(file) },
        ] {
            let error = #expect(throws: StartUpError.self, performing: attempt)
            #expect(error.text.contains("countersign.yaml: expected no file yet, found one. Nothing was changed"))
        }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
        #expect(try names == ["countersign.yaml"], "no key was made")
    }

    /// A link that leads nowhere is a name that is taken.
    @Test func writesThroughNoLink() throws {
        try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "\(folder.path)/elsewhere")
        #expect(throws: StartUpError.self) { try answers().make(file, time: clock.time) }
        #expect(try names == ["countersign.yaml"])
    }

    @Test func keepsASigningKeyThatIsThere() throws {
        let made = try SigningKeyDirectory(path: "\(folder.path)/signing").generate(algorithm: .es256, at: clock.now)
        let before = try Data(contentsOf: URL(filePath: "\(folder.path)/signing/\(made.fileName)"))
        let text = try answers().make(file, time: clock.time)
        #expect(text.contains("ES256 key \(made.keyID) was there already, and signs."))
        #expect(try Data(contentsOf: URL(filePath: "\(folder.path)/signing/\(made.fileName)")) == before)
        let keys = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/signing")
        #expect(keys.count { $0.hasSuffix(".pem") } == 1)
    }

    @Test func leavesNoFileIfItsKeyCannotBeMade() throws {
        try folder.write("signing", "no folder")
        #expect(throws: StartUpError.self) { try answers().make(file, time: clock.time) }
        #expect(try names == ["signing"])
    }

    @Test func saysThatThereIsNoSuchFolder() {
        let error = #expect(throws: StartUpError.self) {
            try answers().make("\(folder.path)/nowhere/countersign.yaml", time: clock.time)
        }
        #expect(error.text.contains("expected a place where a file can be written, found none"))
    }

    // MARK: Bad answers

    struct BadAnswer: Sendable {
        let message: String
        let give: @Sendable (inout FirstConfiguration) -> Void

        init(_ message: String, _ give: @escaping @Sendable (inout FirstConfiguration) -> Void) {
            self.message = message
            self.give = give
        }
    }

    @Test(arguments: [
        BadAnswer("tenants[0].issuer: expected a realm of NewStore or an issuer's URL (--realm)") { $0.issuer = "" },
        BadAnswer("tenants[0].issuer: expected an https URL") { $0.issuer = "http://id.example/realm" },
        BadAnswer("tenants[0].issuer: expected an https URL") { $0.issuer = "a\" b" },
        BadAnswer("public_url: expected a URL without a slash at its end") { $0.publicURL = "https://id.example/" },
        BadAnswer("public_url: expected an https URL") { $0.publicURL = "identity" },
        BadAnswer("identity_providers[0].name: ") { $0.providers = ["VIP"] },
        BadAnswer("identity_providers: ") { $0.providers = [] },
        BadAnswer("identity_providers[0].webview.origins[0]: expected an origin") {
            $0.origins = ["https://x.example/y"]
        },
        BadAnswer("identity_providers[0].token.kind: expected ") { $0.tokenKind = "jwe" },
        BadAnswer("sessions.redis.url: expected a URL such as redis://127.0.0.1:6379/0") { $0.store = "mysql://x" },
    ])
    func refusesAnAnswerThatMakesNoConfiguration(_ bad: BadAnswer) throws {
        let answers = answers(bad.give)
        #expect(answers.problems.first?.hasPrefix(bad.message) == true, "\(answers.problems)")
        #expect(throws: StartUpError.self) { try answers.make(file, time: clock.time) }
        #expect(try names == [])
    }

    @Test func showsNoPasswordThatWasTypedIntoTheStoresURL() {
        let problems = answers { $0.store = "redis://user:MARKER@127.0.0.1" }.problems
        #expect(problems.count == 1 && !problems[0].contains("MARKER"))
    }

    // MARK: Asking

    @Test func asksWhatNoOptionSaysAndTakesDefaults() throws {
        var asked: [String] = []
        var lines = ["acme", "", "vip-loyalty, notes", "https://a.example https://b.example", "opaque"][...]
        var configuration = FirstConfiguration()
        try configuration.askRest(answered: ["--store"]) { text in
            asked.append(text)
            return lines.popFirst()
        }
        #expect(asked.count == 5 && !asked.joined().contains("Session store"))
        #expect(configuration.issuer == "acme" && configuration.publicURL == "http://127.0.0.1:8080")
        #expect(configuration.providers == ["vip-loyalty", "notes"] && configuration.tokenKind == "opaque")
        #expect(configuration.origins == ["https://a.example", "https://b.example"])
    }

    @Test func asksAgainForAnAnswerThatIsNotGood() throws {
        var asked: [String] = []
        var lines = ["", "acme", "ftp://x", "http://127.0.0.1:9000", "", "", "", ""][...]
        var configuration = FirstConfiguration()
        try configuration.askRest(answered: []) { text in
            asked.append(text)
            return lines.popFirst()
        }
        #expect(asked.count == 8)
        #expect(asked[1].hasPrefix("tenants[0].issuer: expected a realm") && asked[1].hasSuffix("another issuer: "))
        #expect(asked[3].hasPrefix("public_url: expected an https URL"))
        #expect(configuration.issuer == "acme" && configuration.publicURL == "http://127.0.0.1:9000")
        #expect(configuration.providers == ["vip-loyalty"] && configuration.origins == [])
        #expect(asked[5].hasSuffix(" [none]: "))
    }

    @Test func writesNothingIfTheInputEnds() {
        var configuration = FirstConfiguration()
        let error = #expect(throws: StartUpError.self) { try configuration.askRest(answered: []) { _ in nil } }
        #expect(error.text == "The input ended before the last answer. Nothing was written.")
    }
}
