import Foundation
import TestSupport
import Testing
import TokenExchange

/// Sessions that are ended together, on two replicas with one Redis.
@Suite(.serialized) struct CohortRevocationTests {
    private typealias Settings = CountersignProcess.Settings

    private static let backend = TestVerifier("backend", of: "vip-loyalty, notes", mayRevoke: "true")
    private static let admin = TestVerifier("admin", of: "notes", mayRevoke: "all")

    private struct Replicas {
        let redis: RedisServer
        let one: CountersignProcess
        let other: CountersignProcess

        var config: String { "\(one.folder.path)/countersign.yaml" }

        func logIn(device: String = "till-1", provider: String = "vip-loyalty") throws -> String {
            try #require(
                try one.exchange(try ModelToken.fresh(), device: device, provider: provider).externalIdentity)
        }

        func isActive(_ identity: String) throws -> Bool {
            try other.introspect(identity, as: backend).json["active"] as? Bool ?? false
        }

        func becomesInactive(_ identity: String, _ at: SourceLocation = #_sourceLocation) async throws {
            // Each reads for itself what a command has revoked.
            try await eventually("every replica knows", within: .seconds(5)) {
                try !isActive(identity) && one.session(identity).status == 401
            }
            #expect(try one.session(identity).status == 401, sourceLocation: at)
        }
    }

    private func replicas(sharingKeys: Bool = true) async throws -> Replicas {
        let redis = try await RedisServer.start()
        var settings = Settings()
        settings.sessions = Settings.redis(redis, commandTimeout: "1s")
        settings.providers = Settings.provider("vip-loyalty") + Settings.provider("notes", token: "kind: opaque")
        settings.verifiers = [Self.backend, Self.admin]
        let folder = try CountersignProcess.prepare(settings)
        var other = folder
        if !sharingKeys {
            other = try CountersignProcess.prepare(settings)
            try FileManager.default.removeItem(atPath: "\(other.path)/signing")
            try FileManager.default.copyItem(atPath: "\(folder.path)/signing", toPath: "\(other.path)/signing")
        }
        return Replicas(
            redis: redis, one: try await CountersignProcess.start(in: folder),
            other: try await CountersignProcess.start(in: other))
    }

    @Test func endsSessionsByRequestAndNoOthers() async throws {
        let replicas = try await replicas()
        for (form, provider) in [
            ("subject=\(Self.subject)", "vip-loyalty"), ("device=till-1", "vip-loyalty"),
            ("identity_provider=notes", "notes"),
            ("tenant=acme-staging", "notes"), ("all=true", "vip-loyalty"),
        ] {
            let identity = try replicas.logIn(provider: provider)
            #expect(try replicas.isActive(identity))
            let answer = try revoke(replicas.one, form)
            #expect(answer.status == 204 && answer.body.isEmpty)
            try await replicas.becomesInactive(identity)
        }
        let later = try replicas.logIn()
        #expect(try replicas.isActive(later))
        for form in [
            "subject=somebody-else", "device=till-2", "identity_provider=notes", "all=true&issued_before=1000",
            "key_id=\(try keyID(of: later))&issued_before=1000",
        ] {
            #expect(try revoke(replicas.one, form).status == 204)
        }
        // By then the other replica has read them all.
        let marker = try replicas.logIn(device: "marker")
        #expect(try revoke(replicas.one, "device=marker").status == 204)
        try await replicas.becomesInactive(marker)
        #expect(try replicas.isActive(later))
    }

    /// By request, and by command.
    @Test func alwaysHasRoomForAnEmergency() async throws {
        let replicas = try await replicas()
        let redis = try replicas.redis.connect()
        func fill() throws {
            let now = UnixTime(seconds: Date().timeIntervalSince1970)
            let times = "\(now.milliseconds) \((now + .seconds(3600)).milliseconds)"
            for start in stride(from: 0, to: RevocationTable.limit, by: 1000) {
                let fields = (start..<start + 1000).flatMap { ["subject:\($0)", times, "key_id:\($0)", times] }
                _ = try redis.send((["HSET", "countersign:{revocations}"] + fields).map { Array($0.utf8) })
            }
        }
        func count() throws -> Int {
            guard case .integer(let fields) = try redis.send("HLEN", "countersign:{revocations}") else { return 0 }
            return fields - 1
        }
        try fill()
        #expect(try revoke(replicas.one, "subject=x").status == 503)
        for form in ["tenant=acme-staging", "identity_provider=notes", "key_id=\(UUID().uuidString)"] {
            #expect(try revoke(replicas.one, form).status == 204, "\(form)")
        }
        let identity = try replicas.logIn()
        #expect(try revoke(replicas.one, "all=true").status == 204)
        try await replicas.becomesInactive(identity)
        #expect(try count() == 2, "all, and the compromised key")
        let later = try replicas.logIn()
        try fill()
        let command = try await CountersignProcess.run(
            "sessions", "revoke", "--all", "--yes", "--config", replicas.config)
        #expect(command.status == 0, "\(command.output)")
        try await replicas.becomesInactive(later)
        #expect(try count() == 2)
    }

    @Test(arguments: [
        "", "all=false", "all=true&subject=x", "subject=", "subject=x&subject=y", "subject=x&issued_before=then",
        "issued_before=1", "key_id=x&device=y", "subject=x&issued_befor=1", "subject=x&issued_before=-1",
        "subject=x&issued_before=1e400", "subject=x&issued_before=0x10", "subject=x&issued_before=1.5",
        "subject=x&issued_before=%2B1", "subject=x&issued_before=", "subject=x&issued_before=253402300800",
    ])
    func refusesWhatNamesNoSingleCohort(form: String) async throws {
        let service = try await CountersignProcess.start(Self.small)
        let answer = try revoke(service, form)
        #expect(answer.status == 400 && answer.errorCode == "invalid_request")
        #expect(answer.text.contains("key_id and all=true"), "says which fields there are")
    }

    /// A token of a compromised key would be dead from the start.
    @Test func signsWithACompromisedKeyNoMoreOnceThatIsAcknowledged() async throws {
        let service = try await CountersignProcess.start(Self.small)
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)
        #expect(try revoke(service, "key_id=\(try keyID(of: identity))").status == 204)
        let failed = try service.exchange(try ModelToken.fresh(), device: "till-2")
        #expect(failed.status == 500 && failed.errorCode == "mint_failed")
    }

    @Test(arguments: ["tenant=typo", "identity_provider=typo"])
    func refusesNamesThatTheConfigurationLacks(form: String) async throws {
        let service = try await CountersignProcess.start(Self.small)
        let answer = try revoke(service, form)
        #expect(answer.status == 400 && answer.errorCode == "invalid_request")
        #expect(answer.text.contains("nothing was done") && !answer.text.contains("typo"))
    }

    @Test func refusesWhoMayNotRevokeAll() async throws {
        let service = try await CountersignProcess.start(Self.small)
        let refused = try revoke(service, "all=true", as: Self.backend.basic)
        #expect(refused.status == 403 && refused.errorCode == "revocation_not_allowed")
        for authorization in [nil, TestVerifier.basic("admin", "wrong"), "Bearer x"] {
            #expect(try revoke(service, "all=true", as: authorization).status == 401)
        }
        #expect(try service.post("/revocations", form: "all=true", authorization: Self.admin.basic).status == 404)
    }

    /// What probes ask every few seconds leaves none.
    @Test func leavesALineOfEachRevocationAndOfWhatIsRefused() async throws {
        let service = try await CountersignProcess.start(Self.small)
        #expect(try service.readiness().status == 200)
        #expect(try revoke(service, "tenant=acme-staging", as: TestVerifier.basic("admin", "wrong")).status == 401)
        #expect(try revoke(service, "tenant=acme-staging").status == 204)
        try HTTPConnection(port: service.operationsPort).send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        for line in [
            #""route":"revocations","status":401"#, #""route":"revocations","status":204"#,
            #""route":"other","status":400"#,
        ] {
            try await eventually("there is \(line)") { service.log.contains(line) }
        }
        #expect(!service.log.contains("readyz"))
        let metrics = try HTTPConnection(port: service.operationsPort).request("GET", "/metrics").text
        #expect(
            metrics.contains(
                #"countersign_requests_total{error_code="invalid_request",route="other",status="400"} 1"#))
    }

    @Test func saysSoWhereARevocationCannotBeRecorded() async throws {
        let replicas = try await replicas()
        replicas.redis.kill()
        let answer = try revoke(replicas.one, "all=true")
        #expect(answer.status == 503 && answer.errorCode == "session_store_unavailable")
        let command = try await CountersignProcess.run(
            "sessions", "revoke", "--config", replicas.config, "--all", "--yes")
        #expect(command.status == 1)
        #expect(command.output.contains("session store: ") && command.output.contains("run this again"))
    }

    @Test func keepsARevocationThatTheStoreHasLost() async throws {
        let replicas = try await replicas()
        let identity = try replicas.logIn()
        #expect(try revoke(replicas.one, "device=till-1").status == 204)
        try await replicas.becomesInactive(identity)
        let redis = try replicas.redis.connect()
        try redis.send("DEL", "countersign:{revocations}")
        try await eventually("it is back", within: .seconds(5)) {
            try #require(try !replicas.isActive(identity))
            return try redis.keys().contains("countersign:{revocations}")
        }
        #expect(try !replicas.isActive(identity))
    }

    @Test func endsAndShowsSessionsByCommand() async throws {
        let replicas = try await replicas()
        let identity = try replicas.logIn()
        let shown = try await CountersignProcess.run(
            CountersignProcess.program, ["sessions", "show", "--config", replicas.config], input: Array(identity.utf8))
        #expect(shown.status == 0)
        #expect(
            shown.output.contains(
                "active\nidentity provider: vip-loyalty\ntenant: acme-staging\nsubject: \(Self.subject)"))
        #expect(!shown.output.contains(identity))
        let revoked = try await CountersignProcess.run(
            "sessions", "revoke", "--config", replicas.config, "--subject", Self.subject)
        #expect(revoked.status == 0)
        #expect(
            revoked.output.contains("every replica knows within 5 seconds") && !revoked.output.contains(Self.subject))
        try await replicas.becomesInactive(identity)
        let gone = try await CountersignProcess.run(
            CountersignProcess.program, ["sessions", "show", "--config", replicas.config], input: Array(identity.utf8))
        #expect(gone.output.hasPrefix("inactive"))
        let limited = try await CountersignProcess.run(
            "sessions", "revoke", "--config", replicas.config, "--key-id", "K", "--issued-before", "1000")
        #expect(limited.output.contains("this key has signed issued until 1970-01-01T00:16:40Z are over"))
        let compromised = try await CountersignProcess.run(
            "sessions", "revoke", "--config", replicas.config, "--key-id", "K")
        #expect(compromised.output.contains("The key is compromised"))
        for wrong in [
            ["--tenant", "typo"], ["--identity-provider", "typo"], [], ["--all", "--device", "x"],
            ["--device", "x", "--issued-before", "0x10"],
        ] {
            let answer = try await CountersignProcess.run(
                CountersignProcess.program, ["sessions", "revoke", "--config", replicas.config] + wrong)
            #expect(answer.status != 0)
        }
        // Nothing in Redis tells whose they were.
        #expect(try !replicas.redis.connect().keys().joined().contains(Self.subject))
        let fields = try replicas.redis.command("HGETALL", "countersign:{revocations}")
        #expect(!"\(fields)".contains(Self.subject))
    }

    /// The other replica has a key directory of its own, which nobody changes.
    @Test func revokesACompromisedKeyOnReplicasWhoseDirectoryIsNotShared() async throws {
        let replicas = try await replicas(sharingKeys: false)
        let identity = try replicas.logIn()
        let keySet = {
            try HTTPConnection(port: replicas.other.publicPort).request("GET", "/.well-known/jwks.json").text
        }
        let keyID = try #require(try keySet().split(separator: "\"kid\":\"").last?.prefix { $0 != "\"" })
        #expect(try replicas.isActive(identity))
        let compromised = try await CountersignProcess.run(
            "keys", "revoke", "--config", replicas.config, "--yes", String(keyID))
        #expect(compromised.status == 0)
        try await replicas.becomesInactive(identity)
        try await eventually("it is published no more", within: .seconds(5)) { try !keySet().contains(keyID) }
        // No key is left there: better no token than a compromised one.
        let failed = try replicas.other.exchange(try ModelToken.fresh(), device: "till-2")
        #expect(failed.status == 500 && failed.errorCode == "mint_failed")
        let unavailable = try replicas.other.readiness()
        #expect(unavailable.status == 503 && unavailable.text.contains("no active key for vip-loyalty"))
        // Now optional.
        let file = "\(replicas.other.folder.path)/countersign.yaml"
        let strict = try String(contentsOfFile: file, encoding: .utf8)
        try replicas.other.folder.write("countersign.yaml", strict.replacing("mode: strict", with: "mode: optional"))
        replicas.other.signal(SIGHUP)
        try await eventually("it is reloaded") { replicas.other.log.contains("configuration and keys reloaded") }
        #expect(try !keySet().contains(keyID))
        let degraded = try replicas.other.readiness()
        #expect(degraded.status == 200 && degraded.json["status"] as? String == "degraded")
        try await eventually("the new key signs", within: .seconds(5)) {
            try replicas.one.exchange(try ModelToken.fresh(), device: "till-3").status == 200
        }
        #expect(try replicas.one.readiness().status == 200)
    }

    private static let subject = "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55"

    private static var small: Settings {
        var settings = Settings()
        settings.verifiers = [
            TestVerifier("backend", of: "vip-loyalty", mayRevoke: "true"),
            TestVerifier("admin", of: "vip-loyalty", mayRevoke: "all"),
        ]
        return settings
    }

    private func keyID(of identity: String) throws -> ExactText {
        try #require(try UnverifiedToken(Array(identity.utf8), limits: TokenLimits()).jws.keyID)
    }

    private func revoke(
        _ service: CountersignProcess, _ form: String, as authorization: String? = admin.basic
    ) throws -> HTTPAnswer {
        try service.post("/revocations", form: form, authorization: authorization, port: service.operationsPort)
    }
}
