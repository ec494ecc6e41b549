import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The verifiers of Examples/verifiers, in the languages that are at hand. One after another, as each is built once.
@Suite(.serialized) struct VerifierExampleTests {
    private static let atHand = VerifierExample.languages.filter(\.isAtHand)
    private static let missing = VerifierExample.languages.filter { !$0.isAtHand }.map(\.name)
    private static let audience = "https://loyalty.acme.example"

    @Test(.enabled(if: missing.isEmpty, "not tested, as they are not here: \(missing.joined(separator: ", "))"))
    func hasAllLanguagesAtHand() {
        #expect(Self.atHand.count == 6)
    }

    /// `make test` sees to these.
    @Test func hasTheLanguagesThatTheTestsInstall() {
        #expect(Set(Self.atHand.map(\.name)).isSuperset(of: ["PHP", "Python"]))
    }

    @Test(arguments: atHand) func earnsEveryVerdictOfTheKit(language: VerifierExample.Language) async throws {
        let example = try await VerifierExample(language)
        var settings = CountersignProcess.Settings()
        settings.publicURL = "https://identity.acme.example"
        settings.providers = CountersignProcess.Settings.provider(
            "vip-loyalty", token: "kind: jwt, audience: \"\(Self.audience)\"")
        let folder = try CountersignProcess.prepare(settings)
        for (mode, right) in [([], 16), (["--introspection"], 16)] {
            let result = try await CountersignProcess.run(
                CountersignProcess.program,
                ["verifier-kit", "--config", "\(folder.path)/countersign.yaml"]
                    + ["--run", "\(example.command) {token} {audience}", "--time-limit", "60s"] + mode,
                within: .seconds(240))
            #expect(result.status == 0, "\(result.output)")
            #expect(result.output.hasSuffix("\(right) of \(right) verdicts are right.\n"), "\(result.output)")
        }
    }

    // MARK: Keys

    /// Of every algorithm that Countersign can be told to sign with.
    private static let signers = [SignatureAlgorithm.es256, .rs256, .es384, .ps256, .edDSA].map(TestKeys.make)
    private static let newcomer = TestKeys.make(.es256)

    private static func keySet(_ signers: [OpenSSLTokenSigner], maximumAge: Int) -> FakeHTTPServer.Answer {
        .whole(
            status: 200,
            headers: ["Content-Type": "application/json", "Cache-Control": "public, max-age=\(maximumAge)"],
            body: PublicJWK.set(signers.map(\.publicKey)))
    }

    private static func token(_ signer: OpenSSLTokenSigner, _ url: String, keyID: ExactText? = nil) throws -> String {
        let token = ModelToken.current.header("alg", .string(signer.algorithm.rawValue))
            .header("kid", .string(keyID ?? signer.keyID)).claim("iss", .string(url)).claim("aud", .string(audience))
        return String(decoding: try token.signed(by: signer), as: UTF8.self)
    }

    @Test(arguments: atHand) func keepsKeysAsLongAsItIsTold(language: VerifierExample.Language) async throws {
        let example = try await VerifierExample(language)
        let server = try await FakeCountersign.start(Self.keySet(Self.signers, maximumAge: 600))
        let url = server.url
        func words(_ tokens: [String]) async throws -> [String] {
            try await example.words(on: tokens, audience: Self.audience, at: url)
        }
        // Every algorithm, by one set.
        let algorithms = ["ES256", "RS256"] + language.algorithms
        let known = try Self.signers.map { try Self.token($0, url) }
        let expected = Self.signers.map { algorithms.contains($0.algorithm.rawValue) ? "good" : "refused" }
        #expect(try await words(known + known) == expected + expected)
        let fetches = server.requestCount
        #expect((1...3).contains(fetches), "once, and once more for a key that it cannot use")
        // A set that may not be kept is not.
        server.set(Self.keySet(Self.signers, maximumAge: 0))
        #expect(try await words([known[0], known[0], known[0]]) == ["good", "good", "good"])
        #expect(server.requestCount == fetches + 3)
        try await server.stop()
        #expect(try await words([known[0]]) == ["unreachable"])
    }

    @Test(arguments: atHand) func looksForUnknownKeysButNotEndlessly(language: VerifierExample.Language) async throws {
        let example = try await VerifierExample(language)
        let server = try await FakeCountersign.start(Self.keySet(Self.signers, maximumAge: 600))
        let url = server.url
        func words(_ tokens: [String]) async throws -> [String] {
            try await example.words(on: tokens, audience: Self.audience, at: url)
        }
        let known = try Self.token(Self.signers[0], url)
        let new = try Self.token(Self.newcomer, url)
        // A rotation: the new key is found.
        let both = Self.keySet(Self.signers + [Self.newcomer], maximumAge: 600)
        server.answerNext(Self.keySet(Self.signers, maximumAge: 600), both)
        #expect(try await words([known, new, known, new]) == ["good", "good", "good", "good"])
        #expect(server.requestCount == 2)
        // A flood of invented keys causes one fetch, and ten seconds later the next.
        let invented = try (0..<8).map { try Self.token(Self.newcomer, url, keyID: ExactText("invented-\($0)")) }
        #expect(try await words([known] + invented + [known]) == ["good"] + invented.map { _ in "refused" } + ["good"])
        #expect((4...5).contains(server.requestCount), "\(server.requestCount)")
        // While Countersign is unwell, known keys go on, and nobody says that an unknown one is bad.
        let unwell: [FakeHTTPServer.Answer] = [
            .whole(status: 500, headers: [:], body: Array("{}".utf8)), .whole(status: 200, headers: [:], body: []),
            Self.keySet([], maximumAge: 600), .whole(status: 302, headers: ["Location": "\(url)/x"], body: []), .cutOff,
        ]
        for answer in unwell {
            server.answerNext(Self.keySet(Self.signers, maximumAge: 600))
            server.set(answer)
            #expect(try await words([known, new, known, new]) == ["good", "unreachable", "good", "unreachable"])
        }
    }

    // MARK: Introspection

    @Test(arguments: atHand) func takesOnlyAnIntrospectionForOne(language: VerifierExample.Language) async throws {
        let example = try await VerifierExample(language)
        func json(_ body: String, status: Int = 200) -> FakeHTTPServer.Answer {
            .whole(status: status, headers: ["Content-Type": "application/json"], body: Array(body.utf8))
        }
        let good = #"{"active":true,"aud":"\#(Self.audience)"}"#
        let answers: [(FakeHTTPServer.Answer, String)] = [
            (json(good), "good"), (json(#"{"active":true,"aud":["x","\#(Self.audience)"]}"#), "good"),
            (json(#"{"active":false}"#), "refused"), (json(#"{"active":true,"aud":"another"}"#), "refused"),
            (json(#"{"active":true}"#), "refused"), (json(good, status: 401), "unreachable"),
            (json(good, status: 503), "unreachable"), (json(good.replacing("true", with: #""true""#)), "unreachable"),
            (json("{}"), "unreachable"), (json("null"), "unreachable"), (json("<p>Welcome"), "unreachable"),
            (json(String(good.dropLast())), "unreachable"), (json(""), "unreachable"),
            (.whole(status: 302, headers: ["Location": "/x"], body: Array(good.utf8)), "unreachable"),
            (.cutOff, "unreachable"), (.garbage, "unreachable"),
        ]
        let server = try await FakeCountersign.start(json(good))
        for (answer, _) in answers { server.answerNext(answer) }
        let verifier = TestVerifier("back end", of: "vip-loyalty", secret: "p+q/r=%41: and é")
        let words = try await example.words(
            on: answers.map { _ in "csx_a.b-c~d" }, audience: Self.audience, at: server.url, verifier: verifier)
        #expect(words == answers.map(\.1))
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.uri == "/introspect" && request.body.hasPrefix("token=csx_a.b-c"))
        try await server.stop()
    }

    /// With Countersign itself: what it mints is good, and what it has ended is not, if it is asked.
    @Test(arguments: atHand) func agreesWithCountersign(language: VerifierExample.Language) async throws {
        let example = try await VerifierExample(language)
        let verifier = TestVerifier("back-end", of: "vip-loyalty, notes", mayRevoke: "true", secret: "p+q/r=%41: and é")
        var settings = CountersignProcess.Settings()
        settings.providers =
            CountersignProcess.Settings.provider("vip-loyalty", token: "kind: jwt, audience: \"\(Self.audience)\"")
            + CountersignProcess.Settings.provider("notes", token: "kind: opaque")
        settings.verifiers = [verifier]
        let service = try await CountersignProcess.start(settings)
        func identity(_ provider: String) throws -> String {
            try #require(try service.exchange(try ModelToken.fresh(), provider: provider).externalIdentity)
        }
        let (good, ended, opaque) = (try identity("vip-loyalty"), try identity("vip-loyalty"), try identity("notes"))
        #expect(try service.revoke(ended, as: verifier).status == 200)
        let url = "http://127.0.0.1:\(service.publicPort)"
        let byKeySet = try await example.words(
            on: [good, ended, opaque], audience: Self.audience, at: url, issuer: "http://127.0.0.1:8080")
        #expect(byKeySet == ["good", "good", "refused"], "only who asks learns that a session has ended")
        let asked = try await example.words(
            on: [good, ended, opaque], audience: Self.audience, at: url, verifier: verifier)
        #expect(asked == ["good", "refused", "refused"])
        let notes = try await example.words(on: [opaque, good], audience: "notes", at: url, verifier: verifier)
        #expect(notes == ["good", "refused"])
    }
}
