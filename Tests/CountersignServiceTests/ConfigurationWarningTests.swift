import CountersignService
import Foundation
import ServiceConfiguration
import TestSupport
import Testing

/// What `check-config` warns of, and what it leaves alone.
@Suite struct ConfigurationWarningTests {
    typealias Settings = CountersignProcess.Settings

    private func configuration(_ change: (inout Settings) -> Void) throws -> Configuration {
        var settings = Settings()
        settings.algorithms = []
        change(&settings)
        let folder = try CountersignProcess.prepare(settings)
        return try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
    }

    /// Without the folder of the file.
    private func warnings(_ change: (inout Settings) -> Void = { _ in }) throws -> [String] {
        try configuration(change).warnings.map { $0.replacing(/^.*countersign\.yaml:/, with: "") }
    }

    private static func provider(_ token: String, more: String = "") -> String {
        Settings.provider("vip-loyalty", token: token, more: more)
    }

    @Test func findsNothingInAConfigurationForATrial() throws {
        #expect(try warnings() == [])
    }

    @Test(arguments: [
        ("127.0.0.1", false), ("127.9.9.9", false), ("[::1]", false), ("localhost", false), ("0.0.0.0", true),
        ("[::]", true), ("10.0.0.7", true),
    ])
    func warnsOfAnOperationsListenerThatOthersReach(host: String, isWarned: Bool) throws {
        let found = try warnings { $0.listenMore = "" }
        #expect(found == [])
        let folder = TemporaryFolder()
        let mapping = "operations: { address: \"\(host):0\", open: true }"
        let yaml = Settings().yaml.replacing("operations: \"127.0.0.1:0\"", with: mapping)
        let file = try folder.write("countersign.yaml", yaml)
        let warnings = try Configuration.parse(file: file, environment: [:]).warnings
        #expect(warnings.count == (isWarned ? 1 : 0))
        #expect(warnings.allSatisfy { $0.contains(":2: listen.operations: expected an address of this machine alone") })
    }

    @Test(arguments: [
        ("0.0.0.0:0", "bearer: { env: SECRET }", true), ("127.0.0.1:0", "bearer: { env: SECRET }", false),
        ("0.0.0.0:0", "bearer: { env: SECRET }, tls: { certificate_chain: chain.pem, private_key: key.pem }", false),
        (
            "0.0.0.0:0",
            "client_certificates: a.pem, tls: { certificate_chain: chain.pem, private_key: key.pem }", false
        ),
    ])
    func warnsOfASecretThatTravelsInClear(address: String, access: String, isWarned: Bool) throws {
        let mapping = "operations: { address: \"\(address)\", \(access) }"
        let yaml = Settings().yaml.replacing("operations: \"127.0.0.1:0\"", with: mapping)
        let folder = TemporaryFolder()
        let file = try folder.write("countersign.yaml", yaml)
        let warnings = try Configuration.parse(file: file, environment: [:]).warnings
        #expect(warnings.map { $0.contains("expected `tls` beside `bearer`, found none.") } == (isWarned ? [true] : []))
    }

    @Test func warnsOfWhatDoesNotFitAPublicAddress() throws {
        let alone = try warnings { $0.publicURL = "https://identity.acme.example" }
        #expect(
            alone.map { $0.prefix { $0 != "," } } == [
                "2: listen.trusted_proxies: expected the addresses of what ends TLS for https://identity.acme.example",
                "6: sessions.store: expected `redis` behind https://identity.acme.example",
            ])
        let complete = try warnings {
            $0.publicURL = "https://identity.acme.example"
            $0.listenMore = ", trusted_proxies: [10.0.0.0/8]"
            $0.sessions = #"{ store: redis, redis: { url: "redis://127.0.0.1" } }"#
        }
        #expect(complete == [])
        let ownTLS = try warnings {
            $0.publicURL = "https://identity.acme.example"
            $0.listenMore = ", tls: { certificate_chain: chain.pem, private_key: key.pem }"
        }
        #expect(ownTLS.count == 1 && ownTLS[0].hasPrefix("6: sessions.store: "))
    }

    // MARK: Tenants

    private func tenant(_ issuer: String, keys: String) throws -> [String] {
        let folder = TemporaryFolder()
        let yaml = Settings().yaml.replacing(
            #/issuer: "[^"]*", keys: \{ jwks_file: issuer.json \}/#, with: "issuer: \"\(issuer)\", keys: \(keys)")
        try #require(yaml.contains(issuer))
        let file = try folder.write("countersign.yaml", yaml)
        return try Configuration.parse(file: file, environment: [:]).warnings
    }

    @Test func warnsOfAnIssuerWithASlashAtItsEnd() throws {
        let issuer = "https://id.p.newstore.net/auth/realms/acme"
        let warned = try tenant("\(issuer)/", keys: "{ jwks_file: issuer.json }")
        #expect(warned.count == 1 && warned[0].contains("tenants[0].issuer: expected an issuer without a slash"))
        #expect(try tenant(issuer, keys: "{ jwks_file: issuer.json }") == [])
    }

    @Test(arguments: [
        ("https://id.p.newstore.net/auth/realms/acme/protocol/openid-connect/certs", false),
        ("https://id.p.newstore.net/auth/realms/acme-staging/protocol/openid-connect/certs", true),
        ("https://other.example/certs", true), ("http://127.0.0.1:9/certs", false),
    ])
    func warnsOfAnotherRealmsKeys(url: String, isWarned: Bool) throws {
        let warnings = try tenant(
            "https://id.p.newstore.net/auth/realms/acme", keys: "{ jwks_url: \"\(url)\" }")
        #expect(warnings.count == (isWarned ? 1 : 0), "\(warnings)")
        #expect(warnings.allSatisfy { $0.contains("tenants[0].keys.jwks_url: expected the key set of https://id.p.") })
    }

    @Test func warnsOfATenantThatNobodyMayUse() throws {
        let folder = TemporaryFolder()
        let unused = "  - { name: unused, issuer: \"https://id.example/unused\", keys: { jwks_file: issuer.json } }\n"
        let yaml = Settings().yaml.replacing("identity_providers:\n", with: unused + "identity_providers:\n")
        let file = try folder.write("countersign.yaml", yaml)
        let warnings = try Configuration.parse(file: file, environment: [:]).warnings
        #expect(
            warnings.count == 1 && warnings[0].contains("tenants[1].name: expected an identity provider with unused"))
    }

    // MARK: Claims

    @Test(arguments: [
        ("realm_access.roles", true), ("a.b.c", true), ("email", false), ("http://newstore/tenant.name", false),
        ("urn:acme:a.b", false), (".b", false), ("b.", false), ("a..b", false), ("what else. yes", false),
    ])
    func warnsOfADottedNameThatLooksLikeAPath(name: String, isWarned: Bool) throws {
        let found = try warnings {
            $0.providers = Self.provider(
                "claims: { x: { first_of: [email, \"\(name)\"] } }",
                more: ", conditions: [{ claim: \"\(name)\", equals: x }]")
        }
        guard isWarned else {
            #expect(found == [])
            return
        }
        let list = name.replacing(".", with: ", ")
        let message =
            "expected a path as a list, if one is meant, found the one name \(name). Write [\(list)] if each stands within "
            + "the one before."
        #expect(
            found == [
                "10: identity_providers[0].token.claims.x: \(message)",
                "10: identity_providers[0].conditions[0].claim: \(message)",
            ])
    }

    @Test func leavesAPathAloneWhoseNamesHaveDots() throws {
        #expect(try warnings { $0.providers = Self.provider("claims: { x: { from: [a.b, c] } }") } == [])
    }

    @Test func warnsOfDottedNamesInWhatInternalServicesAreSent() throws {
        let found = try warnings {
            $0.providers = Self.provider(
                "kind: upstream, upstream: { url: \"https://crm.example\", token_at: /t, headers: { X-A: { from: a.b } }, "
                    + "body: { c: { from: c.d } } }")
        }
        #expect(
            found.map { $0.split(separator: ": ")[1] } == [
                "identity_providers[0].token.upstream.headers.X-A", "identity_providers[0].token.upstream.body.c",
            ])
    }

    @Test(arguments: [("a^b", true), (".*@acme\\\\.example", false)])
    func warnsOfAPatternThatCanNeverMatch(pattern: String, isWarned: Bool) throws {
        let found = try warnings {
            $0.providers = Self.provider("kind: jwt", more: ", conditions: [{ claim: email, matches: \"\(pattern)\" }]")
        }
        #expect(found.count == (isWarned ? 1 : 0))
        #expect(
            found.allSatisfy { $0.hasPrefix("10: identity_providers[0].conditions[0].matches: expected a pattern") })
    }

    // MARK: What only the moment decides

    @Test func saysThatAPortIsInUse() async throws {
        let other = try await FakeHTTPServer.start(.silence, FakeHTTPServer.Settings())
        let taken = try await configuration { $0.ports = (public: other.port, operations: 0) }.portWarnings()
        #expect(taken.count == 1)
        #expect(
            taken[0].hasSuffix(
                ":2: listen.public: expected an address that no program listens on, found 127.0.0.1:\(other.port) in use. End "
                    + "the program that has it (`ss -ltnp` names it), or choose another port. If it is this service that runs, "
                    + "all is well."), "\(taken)")
        #expect(try await configuration { $0.ports = (public: 0, operations: other.port) }.portWarnings().count == 1)
        try await other.stop()
        #expect(try await configuration { $0.ports = (public: 0, operations: 0) }.portWarnings() == [])
    }

    @Test func listensForAMomentOnly() async throws {
        let port = try freeLoopbackPort()
        let configuration = try configuration { $0.ports = (public: port, operations: 0) }
        #expect(await configuration.portWarnings() == [])
        // A process that another test is starting has a copy of the socket until it runs its program.
        try await eventually("its port is free again") { await configuration.portWarnings() == [] }
    }
}
