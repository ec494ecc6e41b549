import CountersignHTTP
import CountersignService
import Foundation
import HTTPTypes
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What a `probe` in the configuration needs beyond the file itself, and what it must not change.
@Suite struct ProbeAssemblyTests {
    private typealias Settings = CountersignProcess.Settings

    private func problem(_ change: (TemporaryFolder) throws -> Void) throws -> String {
        let folder = try CountersignProcess.prepareProbed()
        try change(folder)
        do {
            _ = try Blueprint(file: "\(folder.path)/countersign.yaml", environment: [:])
            return ""
        } catch {
            return "\(error)".replacing(folder.path, with: "FOLDER").replacing(/yaml:\d+/, with: "yaml:0")
        }
    }

    private func edit(_ folder: TemporaryFolder, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: "\(folder.path)/countersign.yaml", encoding: .utf8)
        try #require(text.contains(old))
        try folder.write("countersign.yaml", text.replacing(old, with: new))
    }

    @Test func acceptsAProbeWithAKeyOfItsOwn() throws {
        #expect(try problem { _ in } == "")
    }

    @Test func refusesAKeyThatItsTenantDoesNotTrust() throws {
        let found = try problem { folder in
            let old = try String(contentsOfFile: "\(folder.path)/probe.pem", encoding: .utf8)
            try CountersignProcess.makeProbeKey(in: folder)
            try folder.write("probe.pem", old)
        }
        #expect(
            found == "FOLDER/countersign.yaml:0: probe.private_key: expected a key that tenant probe alone trusts, "
                + "found one whose public half is not among its keys. "
                + "Write it with `openssl pkey -pubout` into a file of its `public_key_files`.")
    }

    @Test func refusesAKeyThatAnotherTenantTrusts() throws {
        let found = try problem { folder in
            try edit(
                folder, "keys: { jwks_file: issuer.json }",
                "algorithms: [ES256], keys: { public_key_files: [probe.pem] }")
        }
        #expect(
            found == "FOLDER/countersign.yaml:0: probe.private_key: expected a key that tenant probe alone trusts, "
                + "found one that acme-staging trusts too. Give the probe a key of its own: "
                + "whoever has it could log in as any associate of acme-staging.")
    }

    @Test func namesAKeyThatCannotBeUsed() throws {
        let found = try problem { chmod(try $0.write("probe.key", "MARKER"), 0o600) }
        #expect(found.hasPrefix("FOLDER/probe.key: ") && !found.contains("MARKER"), "\(found)")
    }

    // MARK: What must stay as it is without a probe

    private func scene(_ settings: Settings = Settings()) throws -> ServiceScene {
        try ServiceScene(in: try CountersignProcess.prepareProbed(settings, at: ManualClock.start))
    }

    /// Otherwise a strict probe would take replicas out of rotation that optional logins could go on with.
    @Test func doesNotCountForReadiness() async throws {
        var settings = Settings()
        settings.sessions = #"{ store: redis, redis: { url: "redis://127.0.0.1:1" } }"#
        settings.providers = Settings.provider("vip-loyalty", mode: "optional")
        let reply = try await scene(settings).ask(.get, "/readyz")
        #expect(reply.status == .ok && reply.string("status") == "degraded")
    }

    @Test func leavesTheCallbackWithoutANameToTheOnlyOtherProvider() async throws {
        let reply = try await scene().ask(
            .post, "/post_login_callback", [.contentType: "application/json"], #"{"identity":"x.y.z"}"#)
        #expect(reply.string("error_code") == "token_rejected", "of vip-loyalty, not identity_provider_unknown")
    }

    @Test func isNotEnteredAtNewStore() throws {
        let folder = try CountersignProcess.prepareProbed()
        let configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        let text = try AppConfiguration(configuration).text
        #expect(text.contains("vip-loyalty") && !text.contains("probe"))
    }
}
