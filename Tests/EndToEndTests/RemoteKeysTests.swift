import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Tenants whose issuer publishes its keys.
@Suite struct RemoteKeysTests {
    private static let keySet = FakeIssuer.Answer.document(PublicJWK.set([TestKeys.rs256.publicKey]))

    private func settings(_ issuer: FakeIssuer, mode: String = "strict") -> CountersignProcess.Settings {
        var settings = CountersignProcess.Settings()
        settings.keys = "{ jwks_url: \"\(issuer.url)\", cooldown: 1s }"
        settings.providers = CountersignProcess.Settings.provider("vip-loyalty", mode: mode)
        return settings
    }

    @Test func exchangesATokenWhoseKeyWasFetched() async throws {
        let issuer = try await FakeIssuer.start(Self.keySet)
        let countersign = try await CountersignProcess.start(settings(issuer))
        #expect(try countersign.exchange(ModelToken.fresh()).externalIdentity != nil)
        #expect(try countersign.readiness().text.contains(#""issuer_keys.acme-staging":{"status":"ready"}"#))
        #expect(issuer.requestCount == 1)
        #expect(try await countersign.terminate() == 0)
        try await issuer.stop()
    }

    @Test func startsWithoutItsIssuerAndHeals() async throws {
        let issuer = try await FakeIssuer.start(.status(503))
        let countersign = try await CountersignProcess.start(settings(issuer))
        try await eventually("not ready") { try countersign.readiness().text.contains("status 503; no usable keys") }
        #expect(try countersign.readiness().status == 503)
        #expect(try countersign.exchange(ModelToken.fresh()).errorCode == "issuer_keys_unavailable")
        issuer.set(Self.keySet)
        try await eventually("an external identity") {
            try countersign.exchange(ModelToken.fresh()).externalIdentity != nil
        }
        #expect(try countersign.readiness().status == 200)
        #expect(try await countersign.terminate() == 0)
        try await issuer.stop()
    }

    @Test func keepsFetchedKeysThroughAReload() async throws {
        let issuer = try await FakeIssuer.start(Self.keySet)
        let countersign = try await CountersignProcess.start(settings(issuer))
        #expect(try countersign.exchange(ModelToken.fresh()).externalIdentity != nil)
        try await issuer.stop()
        countersign.signal(SIGHUP)
        try await eventually("a reload") { countersign.log.contains("configuration and keys reloaded") }
        #expect(try countersign.exchange(ModelToken.fresh()).externalIdentity != nil)
        #expect(try await countersign.terminate() == 0)
    }

    @Test func asksNobodyToCheckAConfiguration() async throws {
        let issuer = try await FakeIssuer.start(Self.keySet)
        let folder = try CountersignProcess.prepare(settings(issuer))
        let result = try await CountersignProcess.run("check-config", "--config", "\(folder.path)/countersign.yaml")
        #expect(result.status == 0)
        #expect(result.output.contains("Tenants: acme-staging."))
        #expect(issuer.requestCount == 0)
        try await issuer.stop()
    }
}
