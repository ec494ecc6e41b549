import CountersignHTTP
import CountersignService
import Foundation
import HTTPTypes
import JOSE
import TestSupport
import Testing
import TokenExchange

/// The service put together, and what a reload changes and leaves as it is.
@Suite struct ServiceRoutesTests {
    private static let asker = TestVerifier("asker", of: "vip-loyalty", mayRevoke: "all")

    @Test func exchangesATokenAndAnswersForItsSession() async throws {
        let scene = try ServiceScene { $0.verifiers = [Self.asker] }
        let reply = try await scene.logIn()
        #expect(reply.status == .ok && reply.headers[.cacheControl] == "no-store")
        let session = try await scene.session(reply.externalIdentity)
        #expect(session.status == .ok && session.string("identity_provider") == "vip-loyalty")
        let introspection = try await scene.ask(
            .post, "/introspect",
            [.authorization: Self.asker.basic, .contentType: "application/x-www-form-urlencoded"],
            "token=\(reply.externalIdentity)")
        #expect(introspection.json["active"] == .bool(true))
        #expect(introspection.string("email") == "jane.operator@example.com")
    }

    @Test func publishesTheKeyThatItSignsWith() async throws {
        let scene = try ServiceScene()
        let token = try await scene.logIn().externalIdentity
        let keyID = try #require(
            try UnverifiedToken(Array(token.utf8), limits: TokenLimits()).jws.keyID.map { String($0) })
        let set = try await scene.ask(.get, "/.well-known/jwks.json")
        #expect(String(decoding: set.body, as: UTF8.self).contains(#""kid":"\#(keyID)""#))
        #expect(set.headers[.cacheControl] == "public, max-age=600")
    }

    /// Whatever happens to a token, the log has only names and reasons.
    @Test func keepsTokensOutOfItsLog() async throws {
        let scene = try ServiceScene()
        let identity = try await scene.logIn().externalIdentity
        let model = ModelToken(issuedAt: scene.clock.now, keyID: TestKeys.rs256.keyID)
        _ = try await scene.logIn(model.claim("email", .string("MARKER")).claim("typ", .string("ID")))
        _ = try await scene.session(identity)
        try scene.folder.write("signing/manifest.json", "MARKER")
        await scene.routes.signingKeys.look()
        #expect(scene.log.lines.count == 1 && scene.log.lines[0].contains("signing keys not taken up"))
        for piece in ["MARKER", String(identity.suffix(24))] {
            #expect(!scene.log.lines.joined().contains(piece))
        }
    }

    // MARK: Reload

    @Test func servesAnotherProviderAfterAReloadAndKeepsSessions() async throws {
        let scene = try ServiceScene()
        let identity = try await scene.logIn().externalIdentity
        #expect(try await scene.logIn(provider: "notes").string("error_code") == "identity_provider_unknown")
        let waiting = try scene.reload { $0.providers += ServiceScene.Settings.provider("notes") }
        #expect(waiting.isEmpty)
        #expect(try await scene.logIn(provider: "notes").status == .ok)
        #expect(try await scene.session(identity).status == .ok)
        #expect(try await scene.logIn().externalIdentity == identity, "a retry gets the same answer")
    }

    @Test func refusesTheTokensOfAProviderThatAReloadTookAway() async throws {
        let scene = try ServiceScene { $0.providers += ServiceScene.Settings.provider("notes") }
        let identity = try await scene.logIn(provider: "notes").externalIdentity
        _ = try scene.reload()
        #expect(try await scene.logIn(provider: "notes").status == .notFound)
        #expect(try await scene.session(identity).status == .unauthorized)
        #expect(try await scene.logIn().status == .ok)
    }

    @Test func keepsAllowancesAtAReloadUnlessTheLimitsChange() async throws {
        let limits = "{ requests_per_second: 1, burst: 2 }"
        let scene = try ServiceScene { $0.limits = limits }
        for status in [404, 404, 429] {
            #expect(try await scene.ask(.get, "/nowhere").status.code == status)
        }
        _ = try scene.reload {
            $0.limits = limits
            $0.providers += ServiceScene.Settings.provider("notes")
        }
        #expect(try await scene.ask(.get, "/nowhere").status.code == 429)
        _ = try scene.reload { $0.limits = "{ requests_per_second: 1, burst: 3 }" }
        #expect(try await scene.ask(.get, "/nowhere").status.code == 404)
    }

    @Test func namesTheSettingsThatWaitForARestart() throws {
        let scene = try ServiceScene()
        #expect(try scene.reload().isEmpty)
        let waiting = try scene.reload {
            $0.listenMore = ", idle_timeout: 10s"
            $0.log = "{ level: debug }"
            $0.sessions = "{ store: memory, deferred: { entries: 5 } }"
            $0.limits =
                "{ request_timeout: 5s, head_bytes: 8192, connections: 50, connections_per_source: 5, burst: 7 }"
            $0.shutdown = "{ notice: 1s, grace: 1s }"
        }
        #expect(
            waiting == [
                "listen", "log", "sessions", "limits.request_timeout", "limits.head_bytes", "limits.connections",
                "limits.connections_per_source",
            ])
        #expect(try scene.reload().isEmpty, "back to what it started with")
    }

    @Test func stopsSigningWithAKeyThatWasRevokedThroughTheStore() async throws {
        let scene = try ServiceScene { $0.verifiers = [Self.asker] }
        let before = try await scene.logIn().externalIdentity
        let keyID = try #require(try UnverifiedToken(Array(before.utf8), limits: TokenLimits()).jws.keyID)
        let revocation = try await scene.ask(
            .post, "/revocations",
            [.authorization: Self.asker.basic, .contentType: "application/x-www-form-urlencoded"], "key_id=\(keyID)")
        #expect(revocation.status == .noContent)
        #expect(try await scene.session(before).status == .unauthorized)
        let after = try await scene.logIn()
        #expect(after.status == .internalServerError && after.string("error_code") == "mint_failed")
        // The directory still calls the key active, but it does not come back.
        _ = try scene.reload { $0.verifiers = [Self.asker] }
        #expect(try await scene.logIn().status == .internalServerError)
    }

    @Test func takesTheVerifiersOfAReload() async throws {
        let scene = try ServiceScene { $0.verifiers = [Self.asker] }
        let headers: HTTPFields = [
            .authorization: Self.asker.basic, .contentType: "application/x-www-form-urlencoded",
        ]
        #expect(try await scene.ask(.post, "/revocations", headers, "device=till-1").status == .noContent)
        #expect(try await scene.ask(.post, "/introspect", headers, "token=x").status == .ok)
        _ = try scene.reload()
        #expect(try await scene.ask(.post, "/revocations", headers, "device=till-1").status == .unauthorized)
        #expect(try await scene.ask(.post, "/introspect", headers, "token=x").status == .unauthorized)
    }

    @Test func endsNoSessionsOfANameThatTheConfigurationDoesNotHave() async throws {
        let scene = try ServiceScene { $0.verifiers = [Self.asker] }
        let headers: HTTPFields = [
            .authorization: Self.asker.basic, .contentType: "application/x-www-form-urlencoded",
        ]
        for form in ["tenant=acme", "identity_provider=vip"] {
            let reply = try await scene.ask(.post, "/revocations", headers, form)
            #expect(reply.status == .badRequest && reply.string("detail")?.contains("nothing was done") == true)
        }
        for form in ["tenant=acme-staging", "identity_provider=vip-loyalty", "subject=anybody"] {
            #expect(try await scene.ask(.post, "/revocations", headers, form).status == .noContent)
        }
    }
}

/// What `/readyz` says.
@Suite struct ReadinessTests {
    private func component(_ reply: Reply, _ name: ExactText) -> (status: String?, detail: String?) {
        let component = reply.json["components"]?[name]
        return (
            component?["status"]?.string.map { String($0) }, component?["detail"]?.string.map { String($0) }
        )
    }

    @Test func isReadyIfEverythingThatLoginsNeedIs() async throws {
        let reply = try await ServiceScene().ask(.get, "/readyz")
        #expect(reply.status == .ok && reply.string("status") == "ready")
        for name in ["session_store", "revocations", "signing_keys"] as [ExactText] {
            #expect(component(reply, name) == ("ready", nil), "\(name)")
        }
    }

    @Test func isDrainingFromTheFirstSignalToLeaveOn() async throws {
        let reply = try await ServiceScene().ask(.get, "/readyz", isLeaving: true)
        #expect(reply.status == .serviceUnavailable && reply.string("status") == "draining")
    }

    /// Nobody waits for an issuer: the process starts, and says what is missing.
    @Test(arguments: [("strict", 503, "unavailable"), ("optional", 200, "degraded")])
    func dependsOnTheModeOfProvidersWhoseIssuerHasNoKeys(mode: String, status: Int, word: String) async throws {
        let scene = try ServiceScene {
            $0.keys = "{ jwks_url: \"http://127.0.0.1:1/certs\" }"
            $0.providers = ServiceScene.Settings.provider("vip-loyalty", mode: mode)
        }
        let reply = try await scene.ask(.get, "/readyz")
        #expect(reply.status.code == status && reply.string("status") == word)
        let keys = component(reply, "issuer_keys.acme-staging")
        #expect(keys.status == word && keys.detail?.hasSuffix("; no usable keys") == true)
    }

    @Test(arguments: [("strict", 503, "unavailable"), ("optional", 200, "degraded")])
    func dependsOnTheModeOfProvidersWithoutAKeyToSignWith(mode: String, status: Int, word: String) async throws {
        let verifier = TestVerifier("asker", of: "vip-loyalty", mayRevoke: "all")
        let scene = try ServiceScene {
            $0.providers = ServiceScene.Settings.provider("vip-loyalty", mode: mode)
            $0.verifiers = [verifier]
        }
        let directory = SigningKeyDirectory(path: "\(scene.folder.path)/signing")
        let keyID = try #require(
            try directory.manifest(at: scene.clock.now, times: SigningKeyTimes()).keys.first?.keyID)
        _ = try await scene.ask(
            .post, "/revocations",
            [.authorization: verifier.basic, .contentType: "application/x-www-form-urlencoded"], "key_id=\(keyID)")
        let reply = try await scene.ask(.get, "/readyz")
        #expect(reply.status.code == status && reply.string("status") == word)
        #expect(component(reply, "signing_keys") == (word, "no active key for vip-loyalty"))
    }

    @Test func isDegradedByAKeyDirectoryThatCannotBeRead() async throws {
        let scene = try ServiceScene()
        try scene.folder.write("signing/manifest.json", "{")
        await scene.routes.signingKeys.look()
        let reply = try await scene.ask(.get, "/readyz")
        #expect(reply.status == .ok && reply.string("status") == "degraded")
        #expect(component(reply, "signing_keys").detail?.contains("manifest.json") == true)
        #expect(try await scene.logIn().status == .ok, "with the last good keys")
    }

    @Test(arguments: [("strict", 503, "unavailable"), ("optional", 200, "degraded")])
    func dependsOnTheModeOfProvidersWhenTheStoreIsDown(mode: String, status: Int, word: String) async throws {
        let scene = try ServiceScene {
            $0.sessions = #"{ store: redis, redis: { url: "redis://127.0.0.1:1" } }"#
            $0.providers = ServiceScene.Settings.provider("vip-loyalty", mode: mode)
        }
        let reply = try await scene.ask(.get, "/readyz")
        #expect(reply.status.code == status && reply.string("status") == word)
        #expect(component(reply, "session_store").status == word)
        #expect(component(reply, "revocations").detail?.hasPrefix("cannot be read: ") == true)
    }
}
