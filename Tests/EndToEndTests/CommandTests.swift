import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// What commands read, from where, and what they say of themselves.
@Suite struct CommandTests {
    typealias Settings = CountersignProcess.Settings

    /// A service whose secrets are all in an environment that commands do not have.
    private func prepare(_ change: (inout Settings) -> Void = { _ in }) throws -> TemporaryFolder {
        var settings = Settings()
        settings.sessions = """
            { store: redis, cache_secret: { env: TEST_CACHE_SECRET }, redis: { url: "redis://127.0.0.1:1", \
            password: { env: TEST_REDIS_PASSWORD } } }
            """
        settings.providers += Settings.provider(
            "crm",
            token: "kind: upstream, upstream: { url: \"https://crm.example\", token_at: /t, "
                + "headers: { X-Key: { env: TEST_CRM_KEY } } }")
        settings.keys = "{ public_key_files: [issuer.pem] }"
        change(&settings)
        let folder = try CountersignProcess.prepare(settings)
        let verifier =
            "verifiers: [{ id: backend, secret: { env: TEST_VERIFIER_SECRET }, identity_providers: [crm] }]\n"
        try folder.write("countersign.yaml", settings.yaml + verifier)
        let key = TestKeys.rs256.verifier as? OpenSSLTokenVerifier
        let pem = try #require(key?.publicKeyPEM)
        try folder.write("issuer.pem", String(decoding: pem, as: UTF8.self))
        return folder
    }

    private func run(
        _ words: String, in folder: TemporaryFolder, environment: [String] = [], input: [UInt8] = []
    ) async throws -> CountersignProcess.CommandResult {
        try await CountersignProcess.run(
            "env",
            environment + [CountersignProcess.program] + words.split(separator: " ").map(String.init)
                + ["--config", "\(folder.path)/countersign.yaml"], input: input)
    }

    // MARK: Secrets

    @Test(arguments: [
        "keys list", "keys list --json", "keys generate", "keys advance", "keys advance --dry-run", "keys rehearse",
        "app-config", "check-config --offline", "verifier-kit --out OUT", "verifier-kit --service-keys --out OUT",
    ])
    func needsNoSecretThatTheCommandDoesNotUse(_ words: String) async throws {
        let folder = try prepare()
        let result = try await run(words.replacing("OUT", with: "\(folder.path)/kit"), in: folder)
        #expect(result.status == 0, "\(result.output)")
        #expect(!result.output.contains("TEST_"))
    }

    @Test func changesKeysWithoutTheServicesSecrets() async throws {
        let folder = try prepare()
        let keys = KeyOperator(folder: folder.path)
        let first = try #require(try keys.manifest().keys.first)
        let second = try await keys.generate()
        #expect(try await keys.run("activate", "\(second.keyID)", "--force", "--yes").status == 0)
        #expect(try await keys.run("retire", "\(first.keyID)", "--force", "--yes").status == 0)
    }

    @Test func mintsAndExplainsTokensWithoutASecretOrASigningKey() async throws {
        let folder = try prepare()
        let key = "\(folder.path)/acme-staging.private.pem"
        #expect(
            try await CountersignProcess.run(
                "openssl", ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key]
            ).status == 0)
        chmod(key, 0o600)
        #expect(
            try await CountersignProcess.run(
                "openssl", ["pkey", "-in", key, "-pubout", "-out", "\(folder.path)/issuer.pem"]
            )
            .status == 0)
        try FileManager.default.removeItem(atPath: "\(folder.path)/signing")
        let minted = try await run("token mint-dev", in: folder)
        #expect(minted.status == 0, "\(minted.output)")
        for input in [minted.output, "\u{FEFF}\r\n  bearer \(minted.output)\r\n"] {
            let explained = try await run(
                "token explain --identity-provider vip-loyalty", in: folder, input: Array(input.utf8))
            #expect(explained.status == 0, "\(explained.output)")
        }
    }

    /// Everything, since the service needs everything: each secret is named, none is shown.
    @Test(arguments: ["check-config", "serve"]) func namesEverySecretThatTheServiceMisses(_ words: String) async throws
    {
        let folder = try prepare()
        let result = try await run(words, in: folder, environment: ["TEST_VERIFIER_SECRET=marker-short"])
        #expect(result.status == 1)
        let places = result.output.split(separator: "\n").map { $0.split(separator: ": ")[1] }
        #expect(
            places == [
                "sessions.cache_secret", "sessions.redis.password",
                "identity_providers[1].token.upstream.headers.X-Key.env", "verifiers[0].secret",
            ])
        #expect(result.output.contains("TEST_REDIS_PASSWORD, found it unset") && !result.output.contains("marker"))
    }

    @Test func needsThePassphraseOnlyForKeysThatAreEncrypted() async throws {
        let folder = try prepare { $0.signing = "{ directory: signing, passphrase: { env: TEST_PASSPHRASE } }" }
        #expect(try await run("keys advance", in: folder).status == 0)
        let refused = try await run("keys generate", in: folder)
        #expect(
            refused.status == 1 && refused.output.contains("signing.passphrase: expected a value in the environment"))
        let phrase = ["TEST_PASSPHRASE=correct horse\r\n"]
        #expect(try await run("keys generate --algorithm ES384", in: folder, environment: phrase).status == 0)
        #expect(try await run("keys list", in: folder).output.contains("ES384"))
        #expect(try await run("keys advance", in: folder).status == 1)
        #expect(try await run("keys advance", in: folder, environment: phrase).status == 0)
    }

    @Test func endsSessionsWithThePasswordOfTheStoreAlone() async throws {
        let redis = try await RedisServer.start(password: "open sesame")
        let folder = try prepare {
            $0.sessions = $0.sessions.replacing("127.0.0.1:1\"", with: "127.0.0.1:\(redis.port)\"")
        }
        let password = ["TEST_REDIS_PASSWORD=open sesame\n"]
        #expect(try await run("sessions revoke --device till-1", in: folder, environment: password).status == 0)
        try FileManager.default.removeItem(atPath: "\(folder.path)/signing")
        let shown = try await run("sessions show", in: folder, environment: password, input: Array("csx_none".utf8))
        #expect(shown.status == 0 && shown.output.hasPrefix("inactive"), "\(shown.output)")
        let refused = try await run("sessions revoke --device till-1", in: folder)
        #expect(refused.status == 1)
        #expect(refused.output.contains("sessions.redis.password: expected a value in the environment variable"))
    }

    /// An emergency: what can be done is done, and the rest is named.
    @Test func revokesAKeyWithoutThePasswordOfTheStore() async throws {
        let folder = try prepare()
        let keys = KeyOperator(folder: folder.path)
        let key = try #require(try keys.manifest().keys.first)
        let result = try await run("keys revoke \(key.keyID)", in: folder)
        #expect(result.status == 1 && result.output.contains("is revoked: its tokens are dead"), "\(result.output)")
        #expect(
            result.output.contains("Left to do in the session store") && result.output.contains("TEST_REDIS_PASSWORD"))
        #expect(try keys.manifest().record(key.keyID)?.state == .revoked)
    }

    @Test func asksAnInternalServiceWithItsSecretsAlone() async throws {
        let fake = try await FakeUpstream.start(.body(#"{"t":"MARKERTOKEN"}"#))
        let folder = try prepare { $0.providers = $0.providers.replacing("https://crm.example", with: fake.url) }
        let arguments = "upstream try --identity-provider crm"
        let good = try await run(
            arguments, in: folder, environment: ["TEST_CRM_KEY=key\n"], input: try ModelToken.fresh())
        #expect(good.status == 0 && good.output.contains("X-Key: ***3-characters***"), "\(good.output)")
        let refused = try await run(arguments, in: folder, input: try ModelToken.fresh())
        #expect(refused.status == 1 && refused.output.contains("variable TEST_CRM_KEY, found it unset"))
        try await fake.stop()
    }

    // MARK: Offline

    @Test func checksTheFileAloneWhereNothingElseIsThere() async throws {
        let folder = try prepare { $0.listenMore = ", tls: { certificate_chain: chain.pem, private_key: key.pem }" }
        try FileManager.default.removeItem(atPath: "\(folder.path)/signing")
        try FileManager.default.removeItem(atPath: "\(folder.path)/issuer.pem")
        let good = try await run("check-config --offline", in: folder)
        #expect(
            good.status == 0 && good.output.contains("countersign.yaml: good. Tenants: acme-staging."), "\(good.output)"
        )
        let tight = try prepare { $0.providers += Settings.provider("tight", token: "maximum_bytes: 128") }
        let bad = try await run("check-config --offline", in: tight)
        #expect(bad.status == 1 && bad.output.contains("[2].token.maximum_bytes: expected maximum_bytes of at least"))
    }

    // MARK: Which file

    @Test func readsTheFileOfTheEnvironmentWhereTheCommandLineNamesNone() async throws {
        let folder = try prepare()
        let file = "\(folder.path)/countersign.yaml"
        func run(_ environment: String, _ arguments: String...) async throws -> CountersignProcess.CommandResult {
            try await CountersignProcess.run("env", [environment, CountersignProcess.program] + arguments)
        }
        let named = try await run("COUNTERSIGN_CONFIG=\(file)", "check-config", "--offline")
        #expect(named.status == 0 && named.output.contains("\(file): good."))
        let first = try await run("COUNTERSIGN_CONFIG=/nowhere.yaml", "check-config", "--offline", "--config", file)
        #expect(first.status == 0 && first.output.contains("\(file): good."))
        let absent = try await run("COUNTERSIGN_CONFIG=/nowhere.yaml", "app-config")
        #expect(
            absent.status == 1
                && absent.output == "/nowhere.yaml: expected a readable file, found /nowhere.yaml: No such file or "
                    + "directory. Name the file with --config, or make a first one: `countersign init --config FILE`.\n"
                    + "The configuration is /nowhere.yaml, as COUNTERSIGN_CONFIG names it.\n",
            "\(absent.output)")
    }

    @Test(arguments: ["COUNTERSIGN_CONFIG=", "OTHER=x"]) func readsTheUsualFileElse(_ environment: String) async throws
    {
        try #require(!FileManager.default.fileExists(atPath: "/etc/countersign/countersign.yaml"))
        for command in [["serve"], ["check-config"], ["keys", "list"], ["token", "mint-dev"]] {
            let result = try await CountersignProcess.run(
                "env", ["-u", "COUNTERSIGN_CONFIG", environment, CountersignProcess.program] + command)
            #expect(result.status == 1)
            #expect(
                result.output.hasSuffix(
                    "\nThe configuration is /etc/countersign/countersign.yaml, as neither --config nor COUNTERSIGN_CONFIG "
                        + "names another.\n"), "\(result.output)")
        }
    }

    // MARK: What commands say of themselves

    private static let commands = [
        "serve", "check-config", "keys generate", "keys list", "keys activate", "keys retire", "keys revoke",
        "keys advance", "keys rehearse", "sessions revoke", "sessions show", "token mint-dev", "token explain",
        "jws verify", "verifier-kit", "app-config", "upstream try", "init", "doctor", "attack",
    ]

    @Test func explainsEveryCommandWithAnExample() async throws {
        let all = try await CountersignProcess.run("--help").output
        for command in Self.commands {
            let words = command.split(separator: " ").map(String.init)
            let help = try await CountersignProcess.run(CountersignProcess.program, ["help"] + words)
            #expect(help.status == 0 && help.output.contains("OVERVIEW: "))
            #expect(
                help.output.contains("  countersign \(command) ") || help.output.contains("  countersign \(command)\n"))
            let options = try #require(help.output.split(separator: "OPTIONS:\n").last).split(separator: "\n")
            // A line that ends after the option's name, and is followed by no indented text, describes nothing.
            for line in options where line.hasPrefix("  --") && !line.dropFirst(2).contains("  ") {
                let next = options.firstIndex(of: line).map { options.index(after: $0) } ?? options.endIndex
                #expect(next < options.endIndex && options[next].hasPrefix("        "), "\(command): \(line)")
            }
            #expect(all.contains("  \(words[0]) "), "\(command)")
        }
    }

    @Test func exitsWithAStatusOfItsOwnWhereTheCommandLineIsWrong() async throws {
        for arguments in [["nonsense"], ["keys", "generate", "--algorithm", "none"], ["serve", "--port", "1"]] {
            #expect(try await CountersignProcess.run(CountersignProcess.program, arguments).status == 64)
        }
    }

    @Test func saysThatItsOutputCannotBeWritten() async throws {
        let folder = try prepare()
        let command =
            "exec \(CountersignProcess.program) app-config --config \(folder.path)/countersign.yaml >/dev/full"
        let result = try await CountersignProcess.run("/bin/sh", ["-c", command])
        #expect(result.status == 1 && result.output == "standard output cannot be written\n", "\(result.output)")
    }
}
