import Attacks
import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The published corpus over HTTP: status and error code of every case, and a good token served after each.
@Suite struct AttackTests {
    private static let publicURL = "http://127.0.0.1:8080"
    private static let keys = Result { try AttackKeys() }

    @Test(arguments: ["rs256", "es256", "mixed", "guarded"])
    func refusesEveryCaseAndServesOn(name: String) async throws {
        let corpus = try AttackCorpus.published.get()
        let profile = try #require(corpus.profiles[name])
        let service = try await start(profile)
        let identity = try #require(try service.exchange(try good(profile)).externalIdentity)
        let attacks = corpus.attacks.filter { $0.profile == name }
        #expect(!attacks.isEmpty)
        var answers: [String: Set<String>] = [:]
        for attack in attacks {
            let scene = try scene(profile, externalIdentity: Array(identity.utf8))
            let answer = try service.callback(body(try scene.token(of: attack)))
            #expect(answer.status == attack.status, "\(attack)")
            #expect(answer.errorCode == attack.errorCode, "\(attack)")
            answers[attack.errorCode, default: []].insert(anonymous(answer))
            #expect(try service.exchange(try good(profile)).status == 200, "after \(attack)")
        }
        #expect(try service.longestLoopGap() < LoopGaps.bound)
        #expect(answers.values.allSatisfy { $0.count == 1 }, "answers of one code differ: \(answers)")
    }

    @Test func runsEveryProfile() throws {
        #expect(Set(try AttackCorpus.published.get().profiles.keys) == ["rs256", "es256", "mixed", "guarded"])
    }

    /// All that an answer says, but for what differs between any two.
    private func anonymous(_ answer: HTTPAnswer) -> String {
        let headers = answer.headers.filter { !["date", "x-request-id"].contains($0.key) }.sorted { $0.key < $1.key }
        let text = answer.text.replacing(answer.json["request_id"] as? String ?? "", with: "")
        return "\(answer.status) \(headers) \(text)"
    }

    private func good(_ profile: AttackProfile) throws -> [UInt8] { try scene(profile).goodToken() }

    private func scene(_ profile: AttackProfile, externalIdentity: [UInt8] = []) throws -> AttackScene {
        let now = UnixTime.ofThisMachine
        return try AttackScene(
            profile, keys: try Self.keys.get(), claims: ModelToken(issuedAt: now, keyID: nil).claims, now: now,
            publicURL: Self.publicURL, externalIdentity: externalIdentity)
    }

    private func body(_ token: [UInt8]) -> String {
        let identity = JSONValue.string(String(decoding: token, as: UTF8.self))
        let body = JSONValue.object([.init("deviceId", .string("till-1")), .init("identity", identity)])
        return String(decoding: body.text, as: UTF8.self)
    }

    private func start(_ profile: AttackProfile) async throws -> CountersignProcess {
        let folder = try CountersignProcess.prepare(CountersignProcess.Settings())
        let keys = try Self.keys.get()
        let issuerKeys = try profile.keys.map { try keys.issuer.signer($0).publicKey }
        let otherKey = try keys.otherRealm.signer(profile.keys[0]).publicKey
        try folder.write("issuer.json", String(decoding: PublicJWK.set(issuerKeys), as: UTF8.self))
        try folder.write("other.json", String(decoding: PublicJWK.set([otherKey]), as: UTF8.self))
        try folder.write("countersign.yaml", profile.yaml(publicURL: Self.publicURL))
        return try await CountersignProcess.start(in: folder)
    }
}

extension AttackProfile {
    fileprivate func yaml(publicURL: String) -> String {
        let algorithms = "algorithms: [\(algorithms.map(\.rawValue).joined(separator: ", "))]"
        let guards = "audiences: \(audiences), authorized_parties: \(authorizedParties)"
        let conditions = role.map { "[{ claim: [realm_access, roles], contains: \($0) }]" } ?? "[]"
        return """
            public_url: \(publicURL)
            listen: { public: "127.0.0.1:0", operations: "127.0.0.1:0" }
            limits: { requests_per_second: 0 }
            signing: { directory: signing }
            tenants:
              - { name: acme-staging, issuer: "\(ModelToken.issuer)", keys: { jwks_file: issuer.json }, \(algorithms), \(guards) }
              - { name: other-realm, issuer: "\(AttackScene.otherIssuer)", keys: { jwks_file: other.json }, \(algorithms) }
            identity_providers:
              - name: vip-loyalty
                tenants: [acme-staging]
                token: { kind: jwt, claims: { email: { from: email, required: \(claim == "email") } } }
                conditions: \(conditions)
              - { name: elsewhere, tenants: [other-realm], token: { kind: jwt } }

            """
    }
}

extension UnixTime {
    fileprivate static var ofThisMachine: UnixTime { UnixTime(seconds: Date().timeIntervalSince1970) }
}
