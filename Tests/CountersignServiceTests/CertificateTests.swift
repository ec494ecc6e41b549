import CountersignService
import Foundation
import TestSupport
import Testing
import TokenExchange

/// Certificates and keys that the TLS library would refuse, or that others would refuse later: found before the service starts.
@Suite struct CertificateTests {
    private let chain: TestChain

    init() throws { chain = try TestChain.shared.get() }

    private enum Found {
        case remarks([String])
        case problems(String)
    }

    private func found(chain: String?, key: String?, mode: Int = 0o600, now: UnixTime? = nil) throws -> Found {
        var settings = CountersignProcess.Settings()
        settings.listenMore = ", tls: { certificate_chain: chain.pem, private_key: key.pem }"
        let folder = try CountersignProcess.prepare(settings)
        if let chain { try folder.write("chain.pem", chain) }
        if let key {
            let file = try folder.write("key.pem", key)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        }
        let file = "\(folder.path)/countersign.yaml"
        do {
            let blueprint =
                try now.map { try Blueprint(file: file, environment: [:], now: $0) }
                ?? Blueprint(file: file, environment: [:])
            return .remarks(blueprint.remarks.map { $0.replacing("\(folder.path)/", with: "") })
        } catch { return .problems("\(error)".replacing("\(folder.path)/", with: "")) }
    }

    private func problem(chain: String?, key: String?, mode: Int = 0o600) throws -> String {
        switch try found(chain: chain, key: key, mode: mode) {
        case .remarks(let remarks): "none, but \(remarks)"
        case .problems(let problems): problems
        }
    }

    private func remarks(chain: String, now: UnixTime? = nil) throws -> [String] {
        switch try found(chain: chain, key: self.chain.serverKey, now: now) {
        case .remarks(let remarks): remarks
        case .problems(let problems): [problems]
        }
    }

    private static let chainPlace = "countersign.yaml:2: listen.tls.certificate_chain: "
    private static let keyPlace = "countersign.yaml:2: listen.tls.private_key: "

    // MARK: What is taken

    @Test func takesAChainWithItsKeyHoweverTheFilesAreWritten() throws {
        #expect(try remarks(chain: chain.server) == [])
        #expect(try remarks(chain: chain.server + chain.authority + chain.root) == [])
        #expect(try remarks(chain: "\u{FEFF}" + (chain.server + chain.authority).replacing("\n", with: "\r\n")) == [])
        #expect(try remarks(chain: "\n# ours\nsubject=CN = server\n" + chain.server + "\n" + chain.authority) == [])
        // As some programs keep both in one file.
        #expect(try remarks(chain: chain.serverKey + chain.server + chain.authority) == [])
    }

    @Test func takesAKeyWithMarksCommentsAndParameters() throws {
        for key in [
            "\u{FEFF}" + chain.serverKey, chain.serverKey.replacing("\n", with: "\r\n"), "\n# ours\n" + chain.serverKey,
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + chain.serverKey,
        ] {
            guard case .remarks([]) = try found(chain: chain.server, key: key) else {
                Issue.record("refused: \(key.prefix(40))")
                continue
            }
        }
    }

    // MARK: What is refused

    @Test func refusesTheKeyOfAnotherCertificate() throws {
        let other = try TestCertificate()
        let key = try String(contentsOfFile: other.keyFile, encoding: .utf8)
        #expect(
            try problem(chain: chain.server + chain.authority, key: key) == Self.keyPlace
                + "expected the private key of the first certificate in chain.pem, found that of another: key.pem. "
                + "Use the key that this certificate was made with.")
    }

    @Test func refusesAChainInTheWrongOrder() throws {
        #expect(
            try problem(chain: chain.authority + chain.server, key: chain.serverKey) == Self.chainPlace
                + "expected our own certificate first, then those that issued it, found ours as number 2 of chain.pem. "
                + "Move it to the top.")
        #expect(
            try problem(chain: chain.server + chain.root + chain.authority, key: chain.serverKey) == Self.chainPlace
                + "expected each certificate followed by the one that issued it, found the issuer of number 1 as number 3 "
                + "in chain.pem. Put them in order: ours, its issuer, the issuer's issuer.")
    }

    @Test func refusesAnEncryptedKey() throws {
        for key in [chain.encryptedKey, chain.traditionalEncryptedKey] {
            #expect(
                try problem(chain: chain.server, key: key) == Self.keyPlace
                    + "expected a private key in PEM, without a passphrase, found an encrypted one: key.pem. Decrypt it with "
                    + "`openssl pkey -in FILE -out NEW`, and keep the new file from other users.")
        }
    }

    @Test func refusesFilesThatHoldSomethingElse() throws {
        let expected = "expected a private key in PEM, without a passphrase, found "
        for (key, words) in [
            ("", "an empty file: key.pem."), ("hello\n", "no line that begins with `-----BEGIN `: key.pem."),
            (chain.server, "`BEGIN CERTIFICATE`, which is something else: key.pem."),
            ("-\0-\0-\0", "text in UTF-16: key.pem. Save the file as UTF-8."),
            (
                "0\u{1}\u{2}",
                "binary data, perhaps DER or PKCS #12: key.pem. Convert it with `openssl pkey -inform DER -in FILE "
                    + "-out NEW`, or `openssl pkcs12`."
            ),
            (
                "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                "one that cannot be read: key.pem. Copy the file again from where it is whole; TLS takes RSA, EC and Ed25519 "
                    + "keys."
            ),
            (String(chain.serverKey.dropLast(40)), "no line that begins with `-----BEGIN `: key.pem."),
        ] {
            #expect(try problem(chain: chain.server, key: key) == Self.keyPlace + expected + words)
        }
        for (text, words) in [
            ("", "an empty file: chain.pem."),
            (chain.serverKey, "`BEGIN PRIVATE KEY`, which is something else: chain.pem."),
            (
                chain.server + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "one that cannot be read, number 2 of chain.pem. Copy the file again from where it is whole."
            ),
        ] {
            #expect(
                try problem(chain: text, key: chain.serverKey)
                    == Self.chainPlace + "expected certificates in PEM, found \(words)")
        }
    }

    @Test func refusesFilesThatCannotBeRead() throws {
        #expect(
            try problem(chain: nil, key: nil)
                == Self.chainPlace + "expected a readable file, found chain.pem: No such file or directory.\n"
                + Self.keyPlace + "expected a readable file, found key.pem: No such file or directory.")
        #expect(
            try problem(chain: chain.server, key: chain.serverKey, mode: 0o644) == Self.keyPlace
                + "expected a file that other users cannot read, found key.pem, readable by everybody. Run `chmod 600` on "
                + "it, and replace what it holds if others use this machine.")
    }

    @Test func reportsBothFilesAtOnce() throws {
        #expect(try problem(chain: "", key: "").split(separator: "\n").count == 2)
    }

    // MARK: What is only remarked on

    @Test func remarksOnCertificatesThatAreNotValidNow() throws {
        let now = UnixTime(seconds: Date().timeIntervalSince1970)
        let both = chain.server + chain.authority
        let late = try remarks(chain: both, now: now.advanced(by: .seconds(30 * 86400)))
        try #require(late.count == 2)
        #expect(late.allSatisfy { $0.hasPrefix(Self.chainPlace) && $0.hasSuffix("so others refuse it; renew it") })
        #expect(late[1].contains("certificate 2 of chain.pem expired at "))
        let early = try remarks(chain: both, now: now.advanced(by: .seconds(-30 * 86400)))
        #expect(early.count { $0.contains(" of chain.pem is not valid before ") } == 2)
    }

    @Test func remarksOnCertificatesThatAreNoPartOfTheChain() throws {
        #expect(
            try remarks(chain: chain.server + chain.root) == [
                Self.chainPlace + "certificates after number 1 of chain.pem are no part of its chain; remove them"
            ])
    }

    // MARK: Others that files hold

    /// One reader for all of them: each key of the configuration that names such files.
    @Test(arguments: ["sessions.redis.tls", "identity_providers[0].token.upstream"])
    func refusesThemWhereverTheyAreNamed(_ place: String) throws {
        let files = "ca_file: ca.pem, client_certificate: { certificate_chain: chain.pem, private_key: key.pem }"
        var settings = CountersignProcess.Settings()
        if place.hasPrefix("sessions") {
            settings.sessions = "{ store: redis, redis: { url: \"rediss://127.0.0.1\", tls: { \(files) } } }"
        } else {
            settings.providers = CountersignProcess.Settings.provider(
                "crm", token: "kind: upstream, upstream: { url: \"https://crm.example\", token_at: /t, \(files) }")
        }
        let folder = try CountersignProcess.prepare(settings)
        try folder.write("ca.pem", "")
        try folder.write("chain.pem", chain.server)
        chmod(try folder.write("key.pem", chain.encryptedKey), 0o600)
        let error = #expect(throws: StartUpError.self) {
            try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:])
        }
        let problems = (error?.problems ?? []).map { $0.split(separator: ": ", maxSplits: 2).map(String.init) }
        #expect(problems.map { $0[1] } == ["\(place).ca_file", "\(place).client_certificate.private_key"])
        #expect(problems.map { $0[2].contains("empty file") } == [true, false])
    }
}
