import Foundation
import TestSupport
import TokenExchange

/// Services with identity providers whose tokens come from the retailer's own services.
enum UpstreamScene {
    typealias Settings = CountersignProcess.Settings

    static let verifier = TestVerifier("asker", of: "points", mayRevoke: "true")

    /// What a provider's `token` is, with this service.
    static func upstream(_ fake: FakeHTTPServer, more: String = "") -> String {
        """
        kind: upstream, claims: { email: { from: email } }, upstream: { url: "\(fake.url)", token_at: /token, \
        expires_in_at: /expires_in, headers: { X-Api-Key: { file: api-key, prefix: "Key " } }, \
        body: { email: { from: email }, subject_token: { identity: true } }\(more) }
        """
    }

    /// A provider that waits for the service for as long as a provider may.
    static func patient(_ name: String, _ fake: FakeHTTPServer, mode: String = "strict", more: String = "") -> String {
        Settings.provider(
            name, mode: mode, token: upstream(fake, more: ", timeout: 30s"), more: ", deadline: 30s" + more)
    }

    static func settings(_ providers: String) -> Settings {
        var settings = Settings()
        settings.providers = providers
        settings.log = "{ level: debug, format: json }"
        settings.verifiers = [verifier]
        return settings
    }

    /// As many replicas as asked for, which share a folder.
    static func start(
        _ providers: String, sessions: String = "{ store: memory }", replicas: Int = 1,
        limits: String = Settings().limits
    ) async throws -> [CountersignProcess] {
        var settings = settings(providers)
        settings.sessions = sessions
        settings.limits = limits
        let folder = try CountersignProcess.prepare(settings)
        for (name, secret) in [
            ("api-key", "MARKERAPIKEY"), ("cache-secret", "MARKERCACHESECRET-of-32-letters-or-more"),
        ] {
            let file = try folder.write(name, secret)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        }
        var services: [CountersignProcess] = []
        for _ in 0..<replicas { services.append(try await CountersignProcess.start(in: folder)) }
        return services
    }

    static func redis(_ server: RedisServer) -> String {
        Settings.redis(server).replacingOccurrences(
            of: "{ store: redis,", with: "{ store: redis, cache_secret: { file: cache-secret },")
    }
}
