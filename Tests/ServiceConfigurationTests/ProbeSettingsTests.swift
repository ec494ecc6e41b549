import Foundation
import ServiceConfiguration
import Testing
import TokenExchange

/// `probe`: what it needs, and that whoever has its key has nothing else.
@Suite struct ProbeSettingsTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    /// A file with a probe that has all that it needs, and no more rights.
    private static let sample = """
        public_url: https://identity.acme.example
        signing: { directory: keys }
        tenants:
          - { name: acme, issuer: "https://id.example/realms/acme", keys: { public_key_files: [acme.pem] } }
          - { name: probe, issuer: "https://probe.acme.example", keys: { public_key_files: [chain.pem] } }
        identity_providers:
          - { name: loyalty, tenants: [acme], token: { audience: loyalty-backend } }
          - { name: probe, tenants: [probe], token: { lifetime: 5m } }
        verifiers:
          - { id: backend, secret: { file: secret }, identity_providers: [loyalty] }
          - { id: prober, secret: { file: secret }, identity_providers: [probe], may_revoke: true }
        probe: { tenant: probe, identity_provider: probe, verifier: prober, private_key: key.pem }

        """

    @Test func readsAProbeWithItsDefaults() throws {
        let configuration = try folder.load(Self.sample)
        let probe = try #require(configuration.probe)
        #expect(probe.tenant == "probe" && probe.identityProvider == "probe" && probe.verifier == "prober")
        #expect(probe.privateKeyFile == folder.path + "/key.pem" && probe.certificateAuthorityFile == nil)
        #expect(probe.url == "https://identity.acme.example")
        #expect(probe.interval == .seconds(60) && probe.timeout == .seconds(5))
        #expect(configuration.associateProviders.map(\.name) == ["loyalty"])
    }

    @Test func readsEveryKeyOfAProbe() throws {
        let yaml = Self.sample.replacing(
            "private_key: key.pem",
            with: "private_key: key.pem, url: \"http://127.0.0.1:8080\", interval: 2m, timeout: 3s, ca_file: acme.pem")
        let probe = try #require(try folder.load(yaml).probe)
        #expect(probe.url == "http://127.0.0.1:8080" && probe.interval == .seconds(120) && probe.timeout == .seconds(3))
        #expect(probe.certificateAuthorityFile == folder.path + "/acme.pem")
    }

    @Test func hasNoProbeUnlessTheFileSaysSo() throws {
        let configuration = try folder.load(shortest)
        #expect(configuration.probe == nil && configuration.associateProviders.map(\.name) == ["loyalty"])
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let old: String
        let new: String
        let complaint: String

        init(_ old: String, _ new: String, _ complaint: String) {
            self.old = old
            self.new = new
            self.complaint = complaint
        }

        var testDescription: String { new }
    }

    static let changes = [
        Change(
            "probe: { tenant: probe,", "probe: { tenant: prob,",
            "tenant: expected the name of a tenant, found \"prob\". Did you mean `probe`?"),
        Change(
            "keys: { public_key_files: [chain.pem] }", "keys: { jwks_url: \"https://probe.acme.example/certs\" }",
            "tenant: expected a tenant with `public_key_files`, found probe, whose keys come from elsewhere. The probe signs its tokens itself; give it a tenant of its own, never one of NewStore's."
        ),
        Change(
            "tenants: [acme], token", "tenants: [acme, probe], token",
            "tenant: expected a tenant that one identity provider accepts, the probe's own, found probe, which loyalty and probe accept. Whoever has the probe's key could log in there."
        ),
        Change(
            "tenants: [probe], token", "tenants: [probe, acme], token",
            "identity_provider: expected an identity provider of the probe's own, with `tenants: [probe]`, found probe, with other tenants. The probe's verifier could end associates' sessions."
        ),
        Change(
            "identity_provider: probe,", "identity_provider: loyalty,",
            "identity_provider: expected an identity provider of the probe's own, with `tenants: [probe]`, found loyalty, with other tenants. The probe's verifier could end associates' sessions."
        ),
        Change(
            "{ lifetime: 5m }", "{ lifetime: 5m, audience: loyalty-backend }",
            "identity_provider: expected an identity provider with an audience of its own, found probe, with the one of loyalty: loyalty-backend. A back end of that audience would take the probe for an associate."
        ),
        Change(
            "{ lifetime: 5m }", "{ kind: upstream, upstream: { url: \"https://crm.acme.example\", token_at: /t } }",
            "identity_provider: expected an identity provider with `jwt` or `opaque` tokens, found probe, with `upstream` ones. A probe must not call an internal service every minute."
        ),
        Change(
            "verifier: prober", "verifier: backend",
            "verifier: expected a verifier with `identity_providers: [probe]` and `may_revoke: true`, found backend, with other rights. The probe needs these rights, and no more."
        ),
        Change(
            "may_revoke: true", "may_revoke: all",
            "verifier: expected a verifier with `identity_providers: [probe]` and `may_revoke: true`, found prober, with other rights. The probe needs these rights, and no more."
        ),
        Change(
            "identity_providers: [probe], may", "identity_providers: [probe, loyalty], may",
            "verifier: expected a verifier with `identity_providers: [probe]` and `may_revoke: true`, found prober, with other rights. The probe needs these rights, and no more."
        ),
        Change(
            "private_key: key.pem", "private_key: acme.pem",
            "private_key: expected a file that other users cannot read, found acme.pem, readable by everybody. Run `chmod 600` on it, and replace what it holds if others use this machine."
        ),
        Change(", private_key: key.pem", "", "private_key: expected a value, found no such key."),
        Change(
            "private_key: key.pem", "private_key: key.pem, url: \"https://identity.acme.example/\"",
            "url: expected a URL without a slash at its end, found \"https://identity.acme.example/\"."),
        Change(
            "private_key: key.pem", "private_key: key.pem, intervall: 1m",
            "intervall: expected a known key, found \"intervall\". Did you mean `interval`?"),
    ]

    @Test(arguments: changes) func refusesWhatAProbeMustNotBe(_ change: Change) throws {
        let yaml = Self.sample.replacing(change.old, with: change.new)
        #expect(yaml != Self.sample)
        #expect(try folder.complaints(about: yaml) == "config.yaml:12: probe.\(change.complaint)")
    }

    @Test(arguments: [
        ("interval", ["1s", "1h"], ["999ms", "3601s"], "from 1s to 1h"),
        ("timeout", ["100ms", "30s"], ["99ms", "31s"], "from 100ms to 30s"),
    ])
    func boundsItsTimes(key: String, good: [String], bad: [String], range: String) throws {
        for (values, isGood) in [(good, true), (bad, false)] {
            for value in values {
                let yaml = Self.sample.replacing("private_key: key.pem", with: "private_key: key.pem, \(key): \(value)")
                let complaint = try folder.complaints(about: yaml)
                let refusal = "config.yaml:12: probe.\(key): expected a duration \(range), found \"\(value)\"."
                #expect(complaint == (isGood ? "" : refusal))
            }
        }
    }
}
