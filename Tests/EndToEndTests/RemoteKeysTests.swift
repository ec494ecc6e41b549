import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// Tenants whose issuer publishes its keys.
@Suite struct RemoteKeysTests {
    private static let keySet = FakeHTTPServer.Answer.document(PublicJWK.set([TestKeys.rs256.publicKey]))

    private func settings(_ issuer: FakeHTTPServer, mode: String = "strict") -> CountersignProcess.Settings {
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

    /// 3,000 made-up kids from one address; in the middle of them the issuer rotates, and signs with the new key at once.
    @Test func letsARotationThroughAFlood() async throws {
        let issuer = try await FakeIssuer.start(Self.keySet)
        let countersign = try await CountersignProcess.start(settings(issuer))
        #expect(try countersign.exchange(ModelToken.fresh()).status == 200)
        let start = ContinuousClock.now
        let flood = try HTTPConnection(port: countersign.publicPort, from: 2)
        for number in 0..<3000 {
            if number == 1500 {
                issuer.set(.document(PublicJWK.set([TestKeys.rs256.publicKey, TestKeys.stranger.publicKey])))
                let rotated = ModelToken.current.header("kid", .string(TestKeys.stranger.keyID))
                try await eventually("the new key is accepted", within: .seconds(3)) {
                    try countersign.exchange(rotated.signed(by: TestKeys.stranger)).status == 200
                }
            }
            let madeUp = Self.spoiled(ModelToken.current.header("kid", .string("made-up-\(number)")))
            let answer = try flood.request(
                "POST", "/post_login_callback/vip-loyalty", headers: ["Content-Type": "application/json"],
                body: Array(#"{"identity":""#.utf8) + madeUp + Array(#""}"#.utf8))
            guard answer.status != 401 else { continue }
            Issue.record("\(answer.status) \(answer.text)")
            break
        }
        let cooldowns = Int((ContinuousClock.now - start) / .seconds(1)) + 1
        #expect(issuer.requestCount <= 1 + 2 * cooldowns)
        #expect(try countersign.exchange(ModelToken.fresh()).status == 200)
        #expect(try await countersign.terminate() == 0)
        try await issuer.stop()
    }

    @Test func trustsANewKeyUnderAnOldNameAtOnce() async throws {
        let issuer = try await FakeIssuer.start(Self.keySet)
        let countersign = try await CountersignProcess.start(settings(issuer))
        #expect(try countersign.exchange(ModelToken.fresh()).status == 200)
        let document = String(decoding: PublicJWK.set([TestKeys.stranger.publicKey]), as: UTF8.self)
            .replacing(String(TestKeys.stranger.keyID), with: String(TestKeys.rs256.keyID))
        issuer.set(.document(Array(document.utf8)))
        let rotated = ModelToken.current.header("kid", .string(TestKeys.rs256.keyID))
        #expect(try countersign.exchange(rotated.signed(by: TestKeys.stranger)).status == 200)
        #expect(issuer.requestCount == 2)
        #expect(try countersign.exchange(ModelToken.fresh()).errorCode == "token_rejected")
        #expect(try await countersign.terminate() == 0)
        try await issuer.stop()
    }

    @Test func keepsTheLastGoodKeysUntilASecondFetchAgreesThatThereAreNone() async throws {
        let issuer = try await FakeIssuer.start(Self.keySet)
        var settings = settings(issuer)
        settings.keys = "{ jwks_url: \"\(issuer.url)\", refresh: 1s, cooldown: 1s }"
        let countersign = try await CountersignProcess.start(settings)
        let none = FakeHTTPServer.Answer.document(Array(#"{"keys":[]}"#.utf8))
        #expect(try countersign.exchange(ModelToken.fresh()).status == 200)
        issuer.answerNext(none)
        let count = issuer.requestCount
        try await eventually("one empty set, and a good one again", within: .seconds(10)) {
            let status = try countersign.exchange(ModelToken.fresh()).status
            #expect(status == 200)
            return issuer.requestCount >= count + 2
        }
        issuer.set(none)
        try await eventually("two empty sets") {
            try countersign.exchange(ModelToken.fresh()).errorCode == "issuer_keys_unavailable"
        }
        issuer.set(Self.keySet)
        try await eventually("keys again") { try countersign.exchange(ModelToken.fresh()).status == 200 }
        #expect(try await countersign.terminate() == 0)
        try await issuer.stop()
    }

    /// With some signature of the right length.
    private static func spoiled(_ token: ModelToken) -> [UInt8] {
        token.signingInput + [UInt8(ascii: ".")] + Base64URL.encode([UInt8](repeating: 7, count: 256))
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
