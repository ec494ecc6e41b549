import Foundation
import TestSupport
import Testing
import TokenExchange

/// Whatever keeps `serve` from starting, `check-config` says before, in the same words.
@Suite struct StartUpTests {
    typealias Settings = CountersignProcess.Settings

    struct Problem: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Begins after the name of the configuration file.
        let words: String
        let settings: Settings
        let change: @Sendable (TemporaryFolder) throws -> Void

        init(
            _ description: String, _ words: String, settings: @Sendable (inout Settings) -> Void = { _ in },
            change: @escaping @Sendable (TemporaryFolder) throws -> Void = { _ in }
        ) {
            testDescription = description
            self.words = words
            var changed = Settings()
            settings(&changed)
            self.settings = changed
            self.change = change
        }

        /// Of the public listener's certificate.
        static func tls(_ description: String, _ words: String, chain: String?, key: String?, mode: Int = 0o600)
            -> Problem
        {
            Problem(description, ":2: listen.tls.\(words)") {
                $0.listenMore = ", tls: { certificate_chain: chain.pem, private_key: key.pem }"
            } change: { folder in
                if let chain { try folder.write("chain.pem", chain) }
                if let key { chmod(try folder.write("key.pem", key), mode_t(mode)) }
            }
        }
    }

    static let certificates: [Problem] = {
        guard let chain = try? TestChain.shared.get() else { return [] }
        return [
            .tls(
                "another certificate's key", "private_key: expected the private key of the first certificate in",
                chain: chain.authority, key: chain.serverKey),
            .tls(
                "the leaf last", "certificate_chain: expected our own certificate first",
                chain: chain.authority + chain.server,
                key: chain.serverKey),
            .tls(
                "issuers in the wrong order", "certificate_chain: expected each certificate followed by",
                chain: chain.server + chain.root + chain.authority, key: chain.serverKey),
            .tls(
                "an encrypted key",
                "private_key: expected a private key in PEM, without a passphrase, found an encrypted one",
                chain: chain.server, key: chain.encryptedKey),
            .tls("no PEM", "certificate_chain: expected certificates in PEM", chain: "hello", key: chain.serverKey),
            .tls("an empty key", "private_key: expected a private key in PEM", chain: chain.server, key: ""),
            .tls(
                "a world-readable key", "private_key: expected a file that other users cannot read",
                chain: chain.server,
                key: chain.serverKey, mode: 0o644),
            .tls("no chain", "certificate_chain: expected a readable file", chain: nil, key: chain.serverKey),
            Problem("a folder for a key", ":2: listen.tls.private_key: expected a file, found the folder") {
                $0.listenMore = ", tls: { certificate_chain: issuer.json, private_key: signing }"
            },
            Problem("no authorities of an issuer", ":8: tenants[0].keys.ca_file: expected certificates in PEM") {
                $0.keys = "{ jwks_url: \"https://id.example/certs\", ca_file: countersign.yaml }"
            },
            Problem("no authorities of Redis", ":6: sessions.redis.tls.ca_file: expected certificates in PEM") {
                $0.sessions = "{ store: redis, redis: { url: \"rediss://127.0.0.1\", tls: { ca_file: issuer.json } } }"
            },
            Problem(
                "the client key of an internal service",
                ":10: identity_providers[0].token.upstream.client_certificate.private_key: expected a private key in PEM"
            ) {
                $0.providers = Settings.provider(
                    "crm",
                    token:
                        "kind: upstream, upstream: { url: \"https://crm.example\", token_at: /t, client_certificate: "
                        + "{ certificate_chain: chain.pem, private_key: key.pem } }")
            } change: { folder in
                try folder.write("chain.pem", chain.server)
                chmod(try folder.write("key.pem", chain.server), 0o600)
            },
        ]
    }()

    static let others = [
        Problem(
            "an unknown key", ":15: nonsense: expected a known key",
            change: { folder in
                let text = try String(contentsOfFile: "\(folder.path)/countersign.yaml", encoding: .utf8)
                try folder.write("countersign.yaml", text + "nonsense: true\n")
            }),
        Problem(
            "no file", ": expected a readable file",
            change: {
                try FileManager.default.removeItem(atPath: "\($0.path)/countersign.yaml")
            }),
        Problem(
            "a folder for a file", ": expected a file, found the folder",
            change: {
                try FileManager.default.removeItem(atPath: "\($0.path)/countersign.yaml")
                try FileManager.default.createDirectory(
                    atPath: "\($0.path)/countersign.yaml", withIntermediateDirectories: false)
            }),
        Problem(
            "UTF-16", ": expected text in UTF-8, found text in UTF-16",
            change: {
                try Data(Settings().yaml.utf8.flatMap { [$0, UInt8(0)] as [UInt8] }).write(
                    to: URL(filePath: "\($0.path)/countersign.yaml"))
            }),
        Problem(
            "no YAML", ":2: expected YAML, found a syntax error",
            change: {
                try $0.write("countersign.yaml", "listen: {\n  x: ]\n")
            }),
        Problem(
            "a secret that is not there", ":14: verifiers[0].secret: expected a readable file",
            settings: {
                $0.verifiers = [TestVerifier("backend", of: "vip-loyalty")]
            }, change: { try FileManager.default.removeItem(atPath: "\($0.path)/backend.secret") }),
        Problem("a secret that is not set", ":5: signing.passphrase: expected a value in the environment variable") {
            $0.signing = "{ directory: signing, passphrase: { env: COUNTERSIGN_TEST_NOT_SET } }"
        },
        Problem("a passphrase that is too long", ":5: signing.passphrase: expected a passphrase of at most 1023 bytes")
        {
            $0.signing = "{ directory: signing, passphrase: { file: phrase } }"
        } change: {
            chmod(try $0.write("phrase", String(repeating: "x", count: 1024)), 0o600)
        },
        Problem("no key directory", ":5: signing.directory: ") { $0.algorithms = [] },
        Problem(
            "a world-readable signing key", ":5: signing.directory: ",
            change: { folder in
                let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/signing")
                for name in names where name.hasSuffix(".pem") { chmod("\(folder.path)/signing/\(name)", 0o644) }
            }),
        Problem("a broken manifest", ":5: signing.directory: ", change: { try $0.write("signing/manifest.json", "{") }),
        Problem(
            "a manifest that is a folder", ":5: signing.directory: ",
            change: {
                try FileManager.default.removeItem(atPath: "\($0.path)/signing/manifest.json")
                try FileManager.default.createDirectory(
                    atPath: "\($0.path)/signing/manifest.json", withIntermediateDirectories: false)
            }),
        Problem("an empty key set", ":8: tenants[0].keys.jwks_file: ", change: { try $0.write("issuer.json", "") }),
        Problem("no key of an algorithm", ":10: identity_providers[0].token.algorithm: expected an active RS256 key") {
            $0.providers = Settings.provider("vip-loyalty", token: "algorithm: RS256")
        },
        Problem(
            "too few bytes for a token", ":10: identity_providers[0].token.maximum_bytes: expected maximum_bytes of"
        ) {
            $0.providers = Settings.provider("vip-loyalty", token: "maximum_bytes: 128")
        },
    ]

    @Test(arguments: certificates + others)
    func saysTheSameFromBothCommands(_ problem: Problem) async throws {
        let folder = try CountersignProcess.prepare(problem.settings)
        try problem.change(folder)
        let file = "\(folder.path)/countersign.yaml"
        let check = try await CountersignProcess.run("check-config", "--config", file)
        let serve = try await CountersignProcess.run("serve", "--config", file)
        #expect(check.status == 1 && serve.status == 1)
        #expect(check.output == serve.output)
        #expect(check.output.hasPrefix(file + problem.words), "\(check.output)")
        #expect(!check.output.contains("Error") && check.output.split(separator: "\n").count == 1, "\(check.output)")
    }

    @Test func findsTheCertificatesThatThisSuiteNeeds() throws {
        _ = try TestChain.shared.get()
        #expect(!Self.certificates.isEmpty)
    }

    // MARK: What only the moment decides

    private func outputOfServing(_ listen: String) async throws -> String {
        var settings = Settings()
        settings.log = "{ level: error, format: text }"
        let folder = try CountersignProcess.prepare(settings)
        let yaml = settings.yaml.replacing(
            #"listen: { public: "127.0.0.1:0", operations: "127.0.0.1:0" }"#, with: "listen: \(listen)")
        try #require(yaml.contains(listen))
        try folder.write("countersign.yaml", yaml)
        let file = "\(folder.path)/countersign.yaml"
        #expect(try await CountersignProcess.run("check-config", "--config", file).status == 0)
        let served = try await CountersignProcess.run("serve", "--config", file)
        #expect(served.status == 1 && !served.output.contains("Error"), "\(served.output)")
        return served.output.replacing(file, with: "FILE")
    }

    @Test func saysThatAPortIsInUse() async throws {
        let other = try await CountersignProcess.start()
        let operations = "{ public: \"127.0.0.1:0\", operations: \"127.0.0.1:\(other.operationsPort)\" }"
        #expect(
            try await outputOfServing(operations) == "FILE:2: listen.operations: expected an address that no program "
                + "listens on, found 127.0.0.1:\(other.operationsPort) in use. End the program that has it (`ss -ltnp` "
                + "names it), or choose another port.\n")
        let `public` = "{ public: \"127.0.0.1:\(other.publicPort)\", operations: \"127.0.0.1:0\" }"
        #expect(
            try await outputOfServing(`public`).hasPrefix("FILE:2: listen.public: expected an address that no program"))
        #expect(try await other.terminate() == 0)
    }

    @Test func saysThatAnAddressIsNoneOfThisMachine() async throws {
        // Of a network that is for documents (RFC 5737).
        let found = try await outputOfServing("{ public: \"192.0.2.1:0\", operations: \"127.0.0.1:0\" }")
        #expect(
            found.hasPrefix(
                "FILE:2: listen.public: expected an address of this machine, found 192.0.2.1:0, which is none."))
        let operations = "{ address: \"nowhere.invalid:0\", open: true }"
        let unresolved = try await outputOfServing("{ public: \"127.0.0.1:0\", operations: \(operations) }")
        #expect(
            unresolved.contains(
                "listen.operations: expected an address of this machine, found nowhere.invalid:0, whose"))
    }
}
