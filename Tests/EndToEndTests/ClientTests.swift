import Foundation
import TestSupport
import Testing
import TokenExchange

/// The live service in the hands of programs that are not ours.
@Suite struct ClientTests {
    private typealias Settings = CountersignProcess.Settings
    private static let admin = TestVerifier("admin", of: "vip-loyalty", mayRevoke: "all")
    private static let verifier = TestVerifier(
        "loyalty-backend", of: "vip-loyalty, notes", mayRevoke: "true", secret: "p+q/r=%41 and more")

    private func service() async throws -> CountersignProcess {
        var settings = Settings()
        settings.providers =
            Settings.provider(
                "vip-loyalty", more: ", hosts: [127.0.0.1], webview: { origins: [\"https://vip.example\"] }")
            + Settings.provider("notes", token: "kind: opaque")
        settings.verifiers = [Self.verifier, Self.admin]
        settings.defaultProvider = "vip-loyalty"
        return try await CountersignProcess.start(settings)
    }

    private static func script(_ name: String) -> String {
        "\(CountersignProcess.repository)/Tests/EndToEndTests/\(name)"
    }

    @Test func servesStandardClients() async throws {
        let service = try await service()
        let result = try await CountersignProcess.run(
            CountersignProcess.python,
            [
                Self.script("clients.py"), "http://127.0.0.1:\(service.publicPort)",
                String(decoding: try ModelToken.fresh(), as: UTF8.self), Self.verifier.id, Self.verifier.secret,
            ])
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.split(separator: "\n").count == 6, "\(result.output)")
    }

    /// Requests of every shape that docs/openapi.yaml allows and forbids, and chains of them along its links.
    @Test(arguments: [false, true])
    func doesWhatItsDescriptionSays(operations: Bool) async throws {
        let service = try await service()
        let publicURL = "http://127.0.0.1:\(service.publicPort)"
        // Of half an hour, since the run takes longer than the five minutes of a model token could.
        let now = Int64(Date().timeIntervalSince1970)
        let token = String(
            decoding: try ModelToken.current.claim("exp", .number(literal: String(now + 1800))).signed(
                by: TestKeys.rs256), as: UTF8.self)
        let document = try HTTPConnection(port: service.operationsPort).request("GET", "/openapi.yaml").text
        let placeholder = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl"
        #expect(document.contains(placeholder))
        let file = try service.folder.write("openapi.yaml", document.replacing(placeholder, with: token))
        let verifier = operations ? Self.admin : Self.verifier
        let phases = operations ? "examples,coverage,fuzzing" : "examples,coverage,fuzzing,stateful"
        let result = try await CountersignProcess.run(
            "/usr/bin/env",
            [
                "-C", service.folder.path, "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=\(Self.script(""))",
                "SCHEMATHESIS_HOOKS=openapi_hooks",
                "IDENTITY_TOKEN=\(token)", "VERIFIER=\(verifier.id):\(verifier.secret)",
                "SERVICE=\(publicURL)",
                CountersignProcess.python, "-m", "schemathesis.cli", "--config-file", Self.script("schemathesis.toml"),
                "run", file, "--url", operations ? "http://127.0.0.1:\(service.operationsPort)" : publicURL,
                operations ? "--include-tag" : "--exclude-tag", "operations", "--phases", phases,
                "--max-examples", "30", "--seed", "1", "--no-color",
            ], within: .seconds(180))
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains(operations ? "Tested: 6" : "Tested: 13"), "\(result.output)")
        #expect(operations || result.output.contains("✅ Stateful"), "\(result.output)")
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
    }

    @Test(arguments: [false, true])
    func makesKitsThatOrdinaryVerifiersPass(withServiceKeys: Bool) async throws {
        var settings = Settings()
        settings.algorithms = [.es256, .rs256, .edDSA]
        settings.providers =
            Settings.provider("vip-loyalty") + Settings.provider("opaque", token: "kind: opaque")
            + Settings.provider("rs", token: "kind: jwt, algorithm: RS256, maximum_bytes: 2048")
            + Settings.provider("ed", token: "kind: jwt, algorithm: EdDSA")
        settings.verifiers = [TestVerifier("asker", of: "vip-loyalty, rs, ed")]
        let service = try await CountersignProcess.start(settings)
        let directory = "\(service.folder.path)/kit"
        let arguments = ["verifier-kit", "--config", "\(service.folder.path)/countersign.yaml", "--out", directory]
        let made = try await CountersignProcess.run(
            CountersignProcess.program, arguments + (withServiceKeys ? ["--service-keys"] : []))
        #expect(made.status == 0 && made.output.contains("36 tokens"), "\(made.output)")
        let result = try await CountersignProcess.run(CountersignProcess.python, [Self.script("kit.py"), directory])
        #expect(result.status == 0 && result.output.contains("36 verdicts agree"), "\(result.output)")
        let again = try await CountersignProcess.run(CountersignProcess.program, arguments)
        #expect(again.status == 1 && again.output.contains("overwrites nothing"))
        // The service itself knows none of them, and its keys sign only where that was asked for.
        let good = try String(contentsOfFile: "\(directory)/vip-loyalty/good.jwt", encoding: .utf8)
        #expect(try service.introspect(good, as: settings.verifiers[0]).text == #"{"active":false}"#)
        let keys = try service.connect().request("GET", "/.well-known/jwks.json").text
        let kitKeys = try String(contentsOfFile: "\(directory)/jwks.json", encoding: .utf8)
        #expect((keys == kitKeys) == withServiceKeys)
    }

    @Test func keepsKitsOfTheServicesKeysShortLived() async throws {
        let folder = try CountersignProcess.prepare(Settings())
        func make(_ lifetime: String) async throws -> CountersignProcess.CommandResult {
            try await CountersignProcess.run(
                "verifier-kit", "--config", "\(folder.path)/countersign.yaml", "--service-keys", "--lifetime", lifetime,
                "--out", "\(folder.path)/\(lifetime)")
        }
        #expect(try await make("299s").status == 0)
        #expect(try await make("300s").status == 0)
        let refused = try await make("301s")
        #expect(refused.status == 1 && refused.output.contains("5 minutes at most"))
        var opaque = Settings()
        opaque.providers = Settings.provider("notes", token: "kind: opaque")
        let other = try CountersignProcess.prepare(opaque)
        let none = try await CountersignProcess.run(
            "verifier-kit", "--config", "\(other.path)/countersign.yaml", "--out", "\(other.path)/kit")
        #expect(none.status == 1 && none.output.contains("no identity provider mints JWTs"))
    }

    /// Pages may read what is theirs; another origin gets no CORS header at all.
    @Test func tellsForeignOriginsNothing() async throws {
        let service = try await service()
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        for (method, token) in [("GET", identity), ("GET", "rubbish"), ("GET", ""), ("OPTIONS", ""), ("PUT", identity)]
        {
            for origin in [
                "https://evil.example", "https://vip.example.evil.example", "null", "https://VIP.example", "",
            ] {
                let answer = try service.connect().request(
                    method, "/session", headers: ["Origin": origin, "Authorization": "Bearer \(token)"])
                #expect(!answer.headers.keys.contains { $0.hasPrefix("access-control-") }, "\(method) \(origin)")
                #expect(answer.headers["vary"] == "Origin" && answer.headers["cache-control"] == "no-store")
            }
        }
        for path in ["/introspect", "/revoke", "/token", "/post_login_callback/vip-loyalty"] {
            let answer = try service.connect().request(
                "POST", path, headers: ["Origin": "https://vip.example"], body: [])
            #expect(!answer.headers.keys.contains { $0.hasPrefix("access-control-") }, "\(path)")
        }
    }
}
