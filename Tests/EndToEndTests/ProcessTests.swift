import Foundation
import TestSupport
import Testing
import TokenExchange

/// How the program behaves as a process: signals, commands, exit statuses, and what it prints.
@Suite struct ProcessTests {
    @Test func finishesWhatItAnswersAndExitsWithZero() async throws {
        let service = try await CountersignProcess.start()
        let connection = try service.connect()
        let token = String(decoding: try ModelToken.fresh(), as: UTF8.self)
        let body = Array(#"{"identity":"\#(token)"}"#.utf8)
        try connection.send(
            "POST /post_login_callback/vip-loyalty HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.count)\r\n\r\n")
        try connection.send(Array(body.prefix(10)))
        // The head has arrived once another request on the listener has been answered.
        _ = try service.exchange(try ModelToken.fresh())
        service.signal(SIGTERM)
        try await eventually("the listener is closed") { (try? service.connect()) == nil }
        try connection.send(Array(body.dropFirst(10)))
        let answer = try connection.answer()
        #expect(answer.status == 200 && answer.headers["connection"] == "close", "\(answer.text) \(service.log)")
        #expect(try await service.terminate() == 0)
    }

    @Test func tellsClientsThatAskToSendTheirBody() async throws {
        let service = try await CountersignProcess.start()
        let connection = try service.connect()
        for _ in 0..<2 {
            let body = Array(#"{"identity":""#.utf8) + (try ModelToken.fresh()) + Array(#""}"#.utf8)
            try connection.send(
                "POST /post_login_callback/vip-loyalty HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    + "Expect: 100-Continue\r\nContent-Length: \(body.count)\r\n\r\n")
            let interim = try connection.answer()
            #expect(interim.status == 100 && interim.headers.isEmpty)
            try connection.send(body)
            #expect(try connection.answer().externalIdentity != nil)
        }
        // Where an answer is still due nothing comes before it.
        try connection.send(
            "GET /session HTTP/1.1\r\nHost: x\r\n\r\nGET /session HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n")
        #expect(try connection.answer().status == 401)
        #expect(try await service.terminate() == 0)
    }

    @Test func keepsTheLastGoodConfigurationOnABadReload() async throws {
        let settings = CountersignProcess.Settings()
        let service = try await CountersignProcess.start(settings)
        try service.folder.write("countersign.yaml", settings.yaml + "nonsense: true\n")
        service.signal(SIGHUP)
        try await eventually("the bad reload is logged") { service.log.contains("not reloaded") }
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        var more = settings
        more.providers += CountersignProcess.Settings.provider("notes")
        try service.folder.write("countersign.yaml", more.yaml)
        service.signal(SIGHUP)
        try await eventually("the new provider is served") {
            try service.exchange(try ModelToken.fresh(), provider: "notes").status == 200
        }
    }

    @Test func checksConfigurationsWithItsExitStatus() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let file = "\(folder.path)/countersign.yaml"
        let good = try await CountersignProcess.run("check-config", "--config", file)
        #expect(good.status == 0 && good.output.contains("good. Tenants: acme-staging."))
        var small = CountersignProcess.Settings()
        small.providers = CountersignProcess.Settings.provider("vip-loyalty", token: "maximum_bytes: 200")
        small.providers += CountersignProcess.Settings.provider("rs", token: "algorithm: RS256")
        try folder.write("countersign.yaml", small.yaml)
        let bad = try await CountersignProcess.run("check-config", "--config", file)
        #expect(bad.status == 1)
        #expect(bad.output.contains("expected maximum_bytes of at least"))
        #expect(bad.output.contains("countersign keys generate --algorithm RS256 --config"))
        #expect(try await CountersignProcess.run("serve", "--config", file).status == 1)
    }

    @Test func makesTheFirstKeyActiveAndThoseAfterItPublished() async throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = []
        let folder = try CountersignProcess.prepare(settings)
        let file = "\(folder.path)/countersign.yaml"
        let missing = try await CountersignProcess.run("check-config", "--config", file)
        #expect(missing.status == 1 && missing.output.contains("countersign keys generate"))
        let made = try await CountersignProcess.run("keys", "generate", "--config", file)
        #expect(made.status == 0 && made.output.contains("ES256 key"))
        let again = try await CountersignProcess.run("keys", "generate", "--config", file)
        #expect(again.status == 0 && again.output.contains("is published; it may sign from "))
        let list = try await CountersignProcess.run("keys", "list", "--config", file)
        #expect(list.status == 0 && list.output.contains("active"))
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/signing").filter {
            $0.hasSuffix(".pem")
        }
        #expect(names.count == 2)
        let mode = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/signing/\(names[0])")[
            .posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
    }

    @Test func mintsDevelopmentTokensOnlyWithADevelopmentKey() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let refused = try await CountersignProcess.run(
            "token", "mint-dev", "--config", "\(folder.path)/countersign.yaml")
        #expect(refused.status == 1 && refused.output.contains("has no development key"))
        let unknown = try await CountersignProcess.run(
            "token", "mint-dev", "--config", "\(folder.path)/countersign.yaml", "--tenant", "nobody")
        #expect(unknown.status == 1 && unknown.output.contains("known are acme-staging"))
    }

    @Test func mintsDevelopmentTokensThatAreExchanged() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let (key, set) = ("\(folder.path)/acme-staging.private.pem", "\(folder.path)/issuer.pem")
        for arguments in [
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
            ["pkey", "-in", key, "-pubout", "-out", set],
        ] {
            #expect(try await CountersignProcess.run("openssl", arguments).status == 0)
        }
        chmod(key, 0o600)
        let yaml = CountersignProcess.Settings().yaml.replacing(
            "jwks_file: issuer.json", with: "public_key_files: [issuer.pem]")
        try folder.write("countersign.yaml", yaml)
        let service = try await CountersignProcess.start(in: folder)
        let minted = try await CountersignProcess.run(
            "token", "mint-dev", "--config", "\(folder.path)/countersign.yaml", "--claim", "email=zoë@example.com",
            "--claim", #"realm_access={"roles":[]}"#, "--lifetime", "2m")
        #expect(minted.status == 0)
        let token = Array(minted.output.trimmingCharacters(in: .whitespacesAndNewlines).utf8)
        let identity = try #require(try service.exchange(token).externalIdentity)
        let payload = try #require(Base64URL.decode(identity.utf8.split(separator: UInt8(ascii: "."))[1].map(\.self)))
        #expect(try JSONValue(parsing: payload)["email"]?.string == "zoë@example.com")
    }

    @Test func explainsATokenRuleByRule() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        func explain(_ token: ModelToken, _ options: String...) async throws -> CountersignProcess.CommandResult {
            try await CountersignProcess.run(
                CountersignProcess.program,
                [
                    "token", "explain", "--config", "\(folder.path)/countersign.yaml", "--identity-provider",
                    "vip-loyalty",
                ] + options, input: token.signed(by: TestKeys.rs256))
        }
        let good = try await explain(.current)
        #expect(
            good.status == 0 && good.output.contains("The exchange is allowed. libjwt, asked independently, finds the"))
        #expect(!good.output.contains("jane.operator"))
        let refresh = ModelToken.current.claim("typ", .string("Refresh"))
        let bad = try await explain(refresh, "--json")
        #expect(bad.status == 1)
        let document = try JSONValue(parsing: Array(bad.output.utf8), limits: JSONLimits(depth: 16, members: 256))
        #expect(document["reason"]?.string == "token_kind_not_allowed" && document["libjwt"]?.string == "accepted")
        let shown = try await explain(.current, "--show-values")
        #expect(shown.output.contains("jane.operator@example.com"))
    }

    @Test func printsTheAppConfiguration() async throws {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let result = try await CountersignProcess.run("app-config", "--config", "\(folder.path)/countersign.yaml")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let integration = try #require(json["external_integration"] as? [String: Any])
        let urls = try #require(integration["post_login_callback_urls"] as? [[String: String]])
        #expect(
            urls == [
                ["identity_provider": "vip-loyalty", "url": "http://127.0.0.1:8080/post_login_callback/vip-loyalty"]
            ])
    }

    @Test func countsWhatItAnswers() async throws {
        let service = try await CountersignProcess.start()
        _ = try service.exchange(try ModelToken.fresh())
        let expired = ModelToken.current.claim("exp", .number(literal: "1000000000"))
        #expect(try service.exchange(try expired.signed(by: TestKeys.rs256)).errorCode == "token_expired")
        let answer = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics")
        #expect(answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        let lines = answer.text.split(separator: "\n")
        for line in [
            #"countersign_requests_total{error_code="",route="callback",status="200"} 1"#,
            #"countersign_requests_total{error_code="token_expired",route="callback",status="401"} 1"#,
            #"countersign_refusals_total{identity_provider="vip-loyalty",reason="expired"} 1"#,
            #"countersign_request_duration_seconds_count{route="callback"} 2"#,
            "countersign_signing_key_step_overdue_seconds 0.0",
        ] {
            #expect(lines.contains { $0 == line }, "\(answer.text)")
        }
        #expect(lines.contains { $0.hasPrefix(#"countersign_issuer_clock_offset_seconds{tenant="acme-staging"} "#) })
        #expect(service.log.contains("\"clock_difference_s\":"))
    }

    @Test func saysThatItLives() async throws {
        let service = try await CountersignProcess.start()
        let operations = try HTTPConnection(port: service.operationsPort)
        #expect(try operations.request("GET", "/livez").text == #"{"status":"alive"}"#)
        #expect(try operations.request("GET", "/readyz").json["status"] as? String == "ready")
        #expect(try operations.request("GET", "/session").status == 404)
        #expect(try service.connect().request("GET", "/readyz").status == 404)
    }
}
