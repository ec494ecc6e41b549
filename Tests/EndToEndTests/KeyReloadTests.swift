import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// How a running service takes up what is done to its keys.
@Suite struct KeyReloadTests {
    private func settings() -> CountersignProcess.Settings {
        var settings = CountersignProcess.Settings()
        settings.signing = "{ directory: signing, jwks_max_age: 0s, rotation: { refresh_lag: 200ms } }"
        settings.signingTimes = SigningKeyTimes(keySetMaximumAge: .zero, refreshLag: .milliseconds(200))
        return settings
    }

    private func publishedKeys(_ service: CountersignProcess) throws -> [ExactText] {
        let answer = try service.connect().request("GET", "/.well-known/jwks.json")
        return (answer.json["keys"] as? [[String: String]] ?? []).compactMap { $0["kid"] }
            .map { ExactText($0) }
    }

    private func signer(_ service: CountersignProcess) throws -> ExactText {
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        return try UnverifiedToken(Array(identity.utf8), limits: TokenLimits()).jws.keyID ?? ""
    }

    @Test func takesUpARotationWithoutARestart() async throws {
        let service = try await CountersignProcess.start(settings())
        let keys = KeyOperator(folder: service.folder.path)
        let first = try #require(try keys.manifest().keys.first)
        let second = try await keys.generate()
        try await eventually("both are published") {
            try publishedKeys(service) == [first.keyID, second.keyID]
        }
        #expect(try signer(service) == first.keyID)
        try await keys.waitUntil(second.maySignFrom)
        #expect(try await keys.run("activate", String(second.keyID)).status == 0)
        try await eventually("the second signs") { try signer(service) == second.keyID }
        #expect(try publishedKeys(service).count == 2)
        #expect(service.log.contains("signing keys changed"))
    }

    @Test func revokesACompromisedKeyWithItsTokens() async throws {
        let service = try await CountersignProcess.start(settings())
        let keys = KeyOperator(folder: service.folder.path)
        let compromised = try #require(try keys.manifest().keys.first)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        #expect(try service.session(identity).status == 200)
        let result = try await keys.run("revoke", String(compromised.keyID))
        #expect(result.status == 0 && result.output.contains("is revoked: its tokens are dead"))
        try await eventually("its tokens are dead") { try service.session(identity).status == 401 }
        #expect(!(try publishedKeys(service)).contains(compromised.keyID))
        let fresh = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        #expect(try service.session(fresh).status == 200)
        #expect(try signer(service) != compromised.keyID)
    }

    @Test func revokesACompromisedKeyThoughTheDirectoryCannotBeTakenUp() async throws {
        let service = try await CountersignProcess.start(settings())
        let keys = KeyOperator(folder: service.folder.path)
        let compromised = try #require(try keys.manifest().keys.first)
        let other = try await keys.generate()
        try await eventually("both are published") { try publishedKeys(service).count == 2 }
        let file = "\(service.folder.path)/signing/\(other.fileName)"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        #expect(try await keys.run("revoke", String(compromised.keyID)).status == 0)
        try await eventually("it is gone") { try publishedKeys(service) == [other.keyID] }
        #expect(try signer(service) == other.keyID)
    }

    /// Each half is done though the other cannot be, and what is left is said.
    @Test func revokesACompromisedKeyInTheStoreAndInTheDirectoryEachByItself() async throws {
        let redis = try await RedisServer.start()
        var settings = settings()
        settings.sessions = CountersignProcess.Settings.redis(redis)
        let service = try await CountersignProcess.start(settings)
        let keys = KeyOperator(folder: service.folder.path)
        let compromised = try #require(try keys.manifest().keys.first)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        let path = "\(service.folder.path)/signing/manifest.json"
        let whole = try Data(contentsOf: URL(filePath: path))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: path))
        let half = try await keys.run("revoke", String(compromised.keyID))
        #expect(half.status == 1 && half.output.contains("manifest.json: expected"), "\(half.output)")
        #expect(
            half.output.contains("Session store: every service drops key") && half.output.contains("Left to do in the"))
        try await eventually("its tokens are dead") { try service.session(identity).status == 401 }
        try whole.write(to: URL(filePath: path))
        redis.kill()
        let other = try await keys.run("revoke", String(compromised.keyID))
        #expect(other.status == 1 && other.output.contains("is revoked: its tokens are dead"), "\(other.output)")
        #expect(other.output.contains("Left to do in the session store"))
        #expect(try keys.manifest().record(compromised.keyID)?.state == .revoked)
    }

    @Test func keepsTheLastGoodKeysWhileTheDirectoryIsDamaged() async throws {
        let service = try await CountersignProcess.start(settings())
        let manifest = "\(service.folder.path)/signing/manifest.json"
        let whole = try Data(contentsOf: URL(filePath: manifest))
        let kid = try signer(service)
        try whole.prefix(whole.count / 2).write(to: URL(filePath: manifest))
        try await eventually("the damage is seen") {
            try service.readiness().json["status"] as? String == "degraded"
        }
        #expect(try service.readiness().status == 200 && service.readiness().text.contains("manifest.json: expected"))
        #expect(try signer(service) == kid && publishedKeys(service) == [kid])
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(metrics.contains("\ncountersign_signing_keys_failing 1.0\n"))
        #expect(metrics.contains(#"countersign_signing_keys{algorithm="ES256",state="active"} 1.0"#))
        service.signal(SIGHUP)
        try await eventually("the reload is refused too") { service.log.contains("not reloaded") }
        #expect(try signer(service) == kid)
        try whole.write(to: URL(filePath: manifest))
        try await eventually("it is mended") { try service.readiness().json["status"] as? String == "ready" }
        #expect(service.log.contains("signing keys not taken up"))
        #expect(service.log.contains("signing keys can be read again"))
    }

    /// Kubernetes mounts a secret as links to links, and swaps one of them.
    @Test func takesUpASwappedSecretMount() async throws {
        var settings = settings()
        settings.signing = "{ directory: mount, jwks_max_age: 0s, rotation: { refresh_lag: 200ms } }"
        let folder = try CountersignProcess.prepare(settings)
        let mount = "\(folder.path)/mount"
        let files = FileManager.default
        try files.createDirectory(atPath: mount, withIntermediateDirectories: false)
        func project(_ generation: String) throws {
            try files.copyItem(atPath: "\(folder.path)/signing", toPath: "\(mount)/..\(generation)")
            try files.createSymbolicLink(atPath: "\(mount)/..data_tmp", withDestinationPath: "..\(generation)")
            #expect(rename("\(mount)/..data_tmp", "\(mount)/..data") == 0)
            for name in try files.contentsOfDirectory(atPath: "\(folder.path)/signing")
            where !files.fileExists(atPath: "\(mount)/\(name)") {
                try files.createSymbolicLink(atPath: "\(mount)/\(name)", withDestinationPath: "..data/\(name)")
            }
        }
        try project("one")
        try files.setAttributes([.posixPermissions: 0o500], ofItemAtPath: mount)
        let service = try await CountersignProcess.start(in: folder)
        try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: mount)
        settings.signing = self.settings().signing
        try folder.write("countersign.yaml", settings.yaml)
        let second = try await KeyOperator(folder: folder.path).generate()
        #expect(try publishedKeys(service).count == 1)
        try project("two")
        try await eventually("the second is published") { try publishedKeys(service).contains(second.keyID) }
    }

    @Test func refusesADeniedKeyOfTheIssuerFromTheNextReloadOn() async throws {
        var settings = settings()
        let service = try await CountersignProcess.start(settings)
        #expect(try service.exchange(try ModelToken.fresh()).status == 200)
        settings.tenantMore = ", denied_key_ids: [\(TestKeys.rs256.keyID)]"
        try service.folder.write("countersign.yaml", settings.yaml)
        service.signal(SIGHUP)
        try await eventually("it is refused") {
            try service.exchange(try ModelToken.fresh()).errorCode == "token_rejected"
        }
        #expect(service.log.contains("\"reason\":\"key_denied\""))
    }
}
