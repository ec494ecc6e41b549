import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What the commands `countersign token …` and `countersign app-config` print.
@Suite struct TokenCommandTests {
    private let folder: TemporaryFolder
    private let now = ManualClock.start

    /// The issuer's key is a development key: its private half is beside the public one.
    init() throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        settings.keys = "{ public_key_files: [issuer.pem] }"
        settings.providers =
            CountersignProcess.Settings.provider(
                "vip-loyalty", more: ", conditions: [{ claim: email, matches: \"j.*\" }]")
            + CountersignProcess.Settings.provider("notes", token: "kind: opaque")
        folder = try CountersignProcess.prepare(settings)
        let made = try SigningKeyDirectory(path: "\(folder.path)/issuer").generate(algorithm: .rs256, at: now)
        let files = FileManager.default
        try files.moveItem(
            atPath: "\(folder.path)/issuer/\(made.fileName)", toPath: "\(folder.path)/acme-staging.private.pem")
        let signer = try OpenSSLTokenSigner(
            privateKeyFile: "\(folder.path)/acme-staging.private.pem", algorithm: .rs256)
        let verifier = try #require(signer.verifier as? OpenSSLTokenVerifier)
        try folder.write("issuer.pem", String(decoding: try #require(verifier.publicKeyPEM), as: UTF8.self))
    }

    private var configuration: Configuration {
        get throws { try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:]) }
    }

    private func token(
        _ claims: [JSONValue.Member] = [], lifetime: Duration = .seconds(300), tenant: ExactText? = nil
    ) throws -> [UInt8] {
        Array(
            try DevelopmentToken(try configuration, tenantName: tenant)
                .token(claims: claims, lifetime: lifetime, now: now).utf8)
    }

    private func claims(_ token: [UInt8]) throws -> JSONValue {
        try JSONValue(parsing: try #require(Base64URL.decode(Array(token.split(separator: UInt8(ascii: "."))[1]))))
    }

    // MARK: mint-dev

    @Test func mintsATokenOfNewStoresShape() throws {
        let claims = try claims(try token())
        #expect(claims["iss"] == .string(ExactText(ModelToken.issuer)) && claims["typ"] == .string("Bearer"))
        #expect(claims["iat"] == .number(literal: "1764003600") && claims["exp"] == .number(literal: "1764003900"))
        #expect(claims["http://newstore/tenant"] == .string("acme-staging"))
        #expect(claims["sid"] == claims["session_state"] && claims["email"] != nil)
        #expect(try self.claims(try token())["jti"] != claims["jti"], "each token has its own id")
    }

    @Test func replacesAndAddsClaims() throws {
        let claims = try claims(
            try token([.init("email", .string("x@example.com")), .init("level", .number(literal: "3"))]))
        #expect(claims["email"] == .string("x@example.com") && claims["level"] == .number(literal: "3"))
        guard case .object(let members) = claims else { return }
        #expect(members.count { $0.name == "email" } == 1)
    }

    @Test func refusesATenantWithoutADevelopmentKey() throws {
        let unknown = #expect(throws: StartUpError.self) { try token(tenant: "nobody") }
        #expect(try #require(unknown).problems == ["there is no tenant nobody; known are acme-staging"])
        try FileManager.default.removeItem(atPath: "\(folder.path)/acme-staging.private.pem")
        let error = #expect(throws: StartUpError.self) { try token() }
        #expect(error.text.contains("tenant acme-staging has no development key: expected its private key in"))
    }

    // MARK: explain

    private func report(
        _ token: [UInt8], provider: ExactText = "vip-loyalty", after: Duration = .zero
    ) async throws -> TokenExplainer.Report {
        await (try TokenExplainer(try configuration, providerName: provider)).report(on: token, now: now + after)
    }

    @Test func findsAMintedTokenGoodByEveryRule() async throws {
        let report = try await report(try token())
        #expect(report.isAllowed)
        let text = report.text(showingValues: false)
        #expect(
            text.hasSuffix("\n\nThe exchange is allowed. libjwt, asked independently, finds the signature good."))
        #expect(!text.contains("jane") && !text.contains("FAIL"))
        let json = try JSONValue(parsing: Array(report.json(showingValues: false).utf8))
        #expect(json["allowed"] == .bool(true) && json["reason"] == .null)
    }

    @Test func namesTheRuleThatATokenBreaks() async throws {
        let late = try await report(try token(), after: .seconds(331))
        #expect(!late.isAllowed && late.text(showingValues: false).contains("The exchange is refused: expired."))
        let json = try JSONValue(parsing: Array(late.json(showingValues: false).utf8))
        #expect(json["allowed"] == .bool(false) && json["reason"] == .string("expired"))
        #expect(try await report(try token(), after: .seconds(329)).isAllowed, "within the clock skew")
    }

    @Test func showsValuesOnlyIfAsked() async throws {
        let report = try await report(try token([.init("email", .string("MARKER\u{1B}[2J"))]))
        #expect(!report.isAllowed)
        for text in [report.text(showingValues: false), report.json(showingValues: false)] {
            #expect(!text.contains("MARKER"))
        }
        let shown = report.text(showingValues: true)
        #expect(shown.contains("MARKER") && !shown.contains("\u{1B}"), "a token cannot control the terminal")
        #expect(report.json(showingValues: true).contains("MARKER"))
    }

    @Test func hasLibjwtRefuseASignatureOfAnotherKey() async throws {
        var bytes = try token()
        let last = try #require(bytes.lastIndex(of: UInt8(ascii: ".")))
        bytes[last + 10] = UInt8(ascii: bytes[last + 10] == UInt8(ascii: "A") ? "B" : "A")
        let report = try await report(bytes)
        #expect(!report.isAllowed)
        #expect(report.text(showingValues: false).hasSuffix("libjwt, asked independently, refuses the signature."))
    }

    @Test func namesTheProvidersThatItKnows() async throws {
        let error = await #expect(throws: StartUpError.self) { try await report([], provider: "nobody") }
        #expect(
            error?.problems == ["there is no identity provider nobody; known are vip-loyalty, notes"])
    }

    // MARK: app-config

    @Test func listsACallbackForEachProvider() throws {
        let text = try AppConfiguration(try configuration).text
        let json = try JSONValue(parsing: Array(text.utf8))
        guard case .array(let urls) = json["external_integration"]?["post_login_callback_urls"] else {
            Issue.record("no list: \(text)")
            return
        }
        #expect(
            urls == [
                .object([
                    .init("identity_provider", .string("vip-loyalty")),
                    .init("url", .string("http://127.0.0.1:8080/post_login_callback/vip-loyalty")),
                ]),
                .object([
                    .init("identity_provider", .string("notes")),
                    .init("url", .string("http://127.0.0.1:8080/post_login_callback/notes")),
                ]),
            ])
    }

    /// An opaque token has no size of its own.
    @Test func checksOffline() throws {
        try configuration.checkMinting(file: "my.yaml")
        #expect(try configuration.summary == "Tenants: acme-staging. Identity providers: vip-loyalty, notes.")
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        settings.providers = CountersignProcess.Settings.provider(
            "vip-loyalty",
            token: "kind: jwt, maximum_bytes: 128, claims: { note: { value: \(String(repeating: "x", count: 99)) } }")
        let folder = try CountersignProcess.prepare(settings)
        let small = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        let error = #expect(throws: StartUpError.self) { try small.checkMinting(file: "my.yaml") }
        let problem = error.text
        #expect(problem.contains("identity_providers[0].token.maximum_bytes: expected maximum_bytes of at least "))
        #expect(problem.hasSuffix("found 128. Raise it, or map fewer claims."))
    }
}
