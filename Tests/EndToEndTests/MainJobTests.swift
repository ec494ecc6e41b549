import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The thing itself: a real token in, an external identity out, verified by libraries that are not ours.
@Suite struct MainJobTests {
    @Test func answersTheSameOnTwoReplicasAtTheSameMoment() async throws {
        let redis = try await RedisServer.start()
        var settings = CountersignProcess.Settings()
        settings.sessions = CountersignProcess.Settings.redis(redis, commandTimeout: "2s")
        settings.providers =
            CountersignProcess.Settings.provider("vip-loyalty")
            + CountersignProcess.Settings.provider("notes", token: "kind: opaque")
        let folder = try CountersignProcess.prepare(settings)
        let replicas = [
            try await CountersignProcess.start(in: folder), try await CountersignProcess.start(in: folder),
        ]
        for round in 0..<20 {
            let token = try ModelToken.fresh()
            let provider = round.isMultiple(of: 2) ? "vip-loyalty" : "notes"
            let answers = try await withThrowingTaskGroup(of: String?.self) { group in
                for attempt in 0..<6 {
                    group.addTask {
                        try replicas[attempt % 2].exchange(token, device: "till-\(round)", provider: provider)
                            .externalIdentity
                    }
                }
                return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(answers.count == 1 && !answers.contains(nil))
        }
        #expect(try redis.connect().keys().filter { $0.contains(":session:") }.count == 20)
    }

    @Test func exchangesATokenAndKnowsItsSession() async throws {
        let service = try await CountersignProcess.start()
        let answer = try service.exchange(try ModelToken.fresh())
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(answer.headers["cache-control"] == "no-store")
        #expect(Set(answer.json.keys) == ["external_identity"])
        let identity = try #require(answer.externalIdentity)
        #expect(
            identity.utf8.allSatisfy { UnicodeScalar($0).properties.isAlphabetic || "0123456789._~-".utf8.contains($0) }
        )
        let session = try service.session(identity)
        #expect(session.status == 200)
        #expect(session.json["active"] as? Bool == true)
        #expect(session.json["identity_provider"] as? String == "vip-loyalty")
        #expect(session.json["tenant"] as? String == "acme-staging")
        #expect(session.json["sub"] as? String == "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55")
        #expect(session.json["session"] == nil)
    }

    @Test func takesBothSpellingsOfTheRequest() async throws {
        let service = try await CountersignProcess.start()
        let token = String(decoding: try ModelToken.fresh(), as: UTF8.self)
        let answers = try [
            #"{"deviceId":"a","identity":"\#(token)"}"#,
            #"{"device_id":"a","identity":"bEaReR \#(token)","more":[{}]}"#,
            #"{"deviceId":"a","device_id":"a","identity":"Bearer \#(token)"}"#,
        ].map { try service.callback($0).externalIdentity }
        #expect(answers[0] != nil && Set(answers).count == 1)
        let unnamed = try [#"{"identity":"\#(token)"}"#, #"{"device_id":"","identity":"\#(token)"}"#].map {
            try service.callback($0, provider: nil).externalIdentity
        }
        #expect(unnamed[0] != nil && Set(unnamed).count == 1 && unnamed[0] != answers[0])
    }

    @Test func servesAProviderByItsHost() async throws {
        var settings = CountersignProcess.Settings()
        settings.providers =
            CountersignProcess.Settings.provider("vip-loyalty", more: ", hosts: [vip.acme.example, kiosk.acme.example]")
            + CountersignProcess.Settings.provider(
                "notes", token: "kind: opaque", more: ", hosts: [notes.acme.example]")
        let service = try await CountersignProcess.start(settings)
        let body = Array(#"{"identity":"\#(String(decoding: try ModelToken.fresh(), as: UTF8.self))"}"#.utf8)
        func answer(_ host: String, _ path: String = "/") throws -> HTTPAnswer {
            try service.connect().request(
                "POST", path, headers: ["Content-Type": "application/json", "Host": host], body: body)
        }
        #expect(try answer("NOTES.acme.example:443").externalIdentity?.hasPrefix("csx_") == true)
        #expect(try answer("vip.acme.example").externalIdentity?.hasPrefix("ey") == true)
        #expect(try answer("KIOSK.acme.example").externalIdentity?.hasPrefix("ey") == true)
        #expect(try answer("\u{212A}iosk.acme.example").externalIdentity == nil, "the sign for kelvins is no letter K")
        #expect(try answer("other.example").errorCode == "identity_provider_unknown")
        #expect(try answer("vip.acme.example", "/post_login_callback").errorCode == "identity_provider_unknown")
    }

    @Test func answersTheSameOnEveryReplica() async throws {
        let redis = try await RedisServer.start()
        var settings = CountersignProcess.Settings()
        settings.sessions = CountersignProcess.Settings.redis(redis)
        let folder = try CountersignProcess.prepare(settings)
        let (one, two) = (
            try await CountersignProcess.start(in: folder), try await CountersignProcess.start(in: folder)
        )
        for _ in 0..<5 {
            let token = try ModelToken.fresh()
            async let first = one.exchange(token).externalIdentity
            async let second = two.exchange(token).externalIdentity
            let answers = try await [first, second]
            #expect(answers[0] != nil && answers[0] == answers[1])
            #expect(try two.session(answers[0]!).status == 200)
        }
        #expect(try await one.terminate() == 0)
        #expect(try await two.terminate() == 0)
    }

    /// PyJWT and joserfc fetch our JWK set and check our tokens with it; libjwt checks what it knows.
    @Test(arguments: SignatureAlgorithm.minting)
    func mintsWhatIndependentLibrariesVerify(algorithm: SignatureAlgorithm) async throws {
        var settings = CountersignProcess.Settings()
        settings.algorithms = [algorithm]
        settings.providers = CountersignProcess.Settings.provider(
            "vip-loyalty",
            token: "kind: jwt, algorithm: \(algorithm.rawValue), maximum_bytes: 2048, "
                + "claims: { email: { from: email }, name: { value: \"Zoë 😀 \\\"q\\\"\" } }")
        let service = try await CountersignProcess.start(settings)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        let result = try await CountersignProcess.run(
            CountersignProcess.python,
            [
                "\(CountersignProcess.repository)/Tests/EndToEndTests/verify.py",
                "http://127.0.0.1:\(service.publicPort)/.well-known/jwks.json", identity, algorithm.rawValue,
                "http://127.0.0.1:8080", "vip-loyalty",
            ])
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains("PyJWT agrees") && result.output.contains("joserfc agrees"))
        #expect(try opinionOfLibJWT(on: identity, of: service, algorithm) == expectedOpinion(algorithm))
    }

    /// libjwt knows RS256 and ES256/384, and abstains from PS256 and EdDSA.
    private func expectedOpinion(_ algorithm: SignatureAlgorithm) -> LibJWTSecondOpinion.Opinion {
        [.rs256, .es256, .es384].contains(algorithm) ? .accepted : .abstained
    }

    private func opinionOfLibJWT(
        on identity: String, of service: CountersignProcess, _ algorithm: SignatureAlgorithm
    ) throws -> LibJWTSecondOpinion.Opinion {
        let folder = "\(service.folder.path)/signing"
        let file = try #require(FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".pem") })
        let signer = try OpenSSLTokenSigner(privateKeyFile: "\(folder)/\(file)", algorithm: algorithm)
        let key = try #require((signer.verifier as? OpenSSLTokenVerifier)?.publicKeyPEM)
        return LibJWTSecondOpinion().opinion(on: Array(identity.utf8), publicKeyPEM: key, algorithm: algorithm)
    }

    @Test func publishesItsKeysForAsLongAsItSays() async throws {
        let service = try await CountersignProcess.start()
        let answer = try service.connect().request("GET", "/.well-known/jwks.json")
        #expect(answer.headers["cache-control"] == "public, max-age=600")
        let key = try #require((answer.json["keys"] as? [[String: String]])?.first)
        #expect(Set(key.keys) == ["kty", "crv", "x", "y", "kid", "use", "alg"])
        let head = try service.connect().request("HEAD", "/.well-known/jwks.json")
        #expect(head.status == 200 && head.headers["content-length"] == answer.headers["content-length"])
    }

    @Test func letsTheProvidersOwnPagesReadTheSession() async throws {
        var settings = CountersignProcess.Settings()
        settings.providers =
            CountersignProcess.Settings.provider(
                "vip-loyalty", more: ", webview: { origins: [\"https://vip.example\"] }")
            + CountersignProcess.Settings.provider("notes", more: ", webview: { origins: [\"https://notes.example\"] }")
        let service = try await CountersignProcess.start(settings)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        func origin(_ origin: String, _ method: String = "GET", token: String? = nil) throws -> HTTPAnswer {
            try service.connect().request(
                method, "/session", headers: ["Origin": origin, "Authorization": "Bearer \(token ?? identity)"])
        }
        #expect(try origin("https://vip.example").headers["access-control-allow-origin"] == "https://vip.example")
        #expect(try origin("https://notes.example").headers["access-control-allow-origin"] == nil)
        #expect(try origin("https://evil.example").headers["access-control-allow-origin"] == nil)
        #expect(try origin("https://vip.example").headers["vary"] == "Origin")
        let refused = try origin("https://notes.example", token: "rubbish")
        #expect(refused.status == 401 && refused.headers["access-control-allow-origin"] == "https://notes.example")
        let preflight = try origin("https://vip.example", "OPTIONS")
        #expect(preflight.status == 204 && preflight.headers["access-control-allow-headers"] == "Authorization")
        #expect(try origin("https://evil.example", "OPTIONS").headers["access-control-allow-methods"] == nil)
    }
}
