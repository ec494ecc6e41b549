import Foundation
import ServiceConfiguration
import Testing
import TokenExchange

/// What a command needs that uses none of what the file refers to: the file.
@Suite struct LazyReadingTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
        try folder.write(longest, to: "config.yaml")
    }

    private var file: String { folder.path + "/config.yaml" }

    @Test func looksAtNothingThatTheFileRefersTo() throws {
        let configuration = try Configuration.parse(file: file, environment: [:])
        #expect(configuration.verifiers.map(\.verifier.id) == ["backend", "other"])
        #expect(configuration.tenants[1].keys == .publicKeyFiles([folder.path + "/acme.pem"]))
    }

    @Test func stillRefusesWhatTheFileAloneShows() throws {
        try folder.write(longest + "nonsense: true\n", to: "config.yaml")
        #expect(throws: ConfigurationError.self) { try Configuration.parse(file: file, environment: [:]) }
    }

    /// The service needs all of it, and is told all that is missing at once, in document order.
    @Test func reportsEverythingThatTheServiceMisses() throws {
        let error = #expect(throws: ConfigurationError.self) { try Configuration.load(file: file, environment: [:]) }
        let problems = error?.problems ?? []
        #expect(problems.map(\.place.line) == problems.map(\.place.line).sorted { $0 ?? 0 < $1 ?? 0 })
        #expect(
            problems.map(\.place.keyPath) == [
                "listen.tls.certificate_chain", "listen.tls.private_key", "listen.operations.bearer",
                "listen.operations.client_certificates", "listen.operations.tls.certificate_chain",
                "listen.operations.tls.private_key", "log.correlation_key", "outbound.proxy_password",
                "traces.headers.Authorization", "traces.headers.X-Tenant", "traces.ca_file",
                "traces.client_certificate.certificate_chain", "traces.client_certificate.private_key",
                "signing.passphrase", "sessions.cache_secret", "sessions.redis.tls.ca_file",
                "sessions.redis.tls.client_certificate.certificate_chain",
                "sessions.redis.tls.client_certificate.private_key", "sessions.redis.sentinel.password",
                "sessions.redis.password", "tenants[0].keys.jwks_file", "tenants[1].keys.public_key_files[0]",
                "tenants[2].keys.ca_file", "identity_providers[2].token.upstream.headers.X-Api-Key.env",
                "identity_providers[2].token.upstream.body.signature.file",
                "identity_providers[2].token.upstream.ca_file",
                "identity_providers[2].token.upstream.client_certificate.certificate_chain",
                "identity_providers[2].token.upstream.client_certificate.private_key",
                "identity_providers[2].token.upstream.access_token.headers.Authorization.env",
                "verifiers[0].secret", "verifiers[1].secret",
            ])
    }

    @Test func tellsWhoeverUsesASecretWhereItIsMissing() throws {
        let secret = try #require(try Configuration.parse(file: file, environment: [:]).verifiers.first).secret
        let error = #expect(throws: ConfigurationProblem.self) { try secret.read() }
        let line = longest.split(separator: "\n", omittingEmptySubsequences: false)
            .firstIndex { $0.contains("BACKEND_SECRET") }.map { $0 + 1 }
        #expect(
            error?.description
                == "\(file):\(line ?? 0): verifiers[0].secret: expected a value in the environment variable BACKEND_SECRET, "
                + "found it unset. Set it before the start.")
    }

    @Test func knowsTheLineOfWhateverTheFileSays() throws {
        let places = try Configuration.parse(file: file, environment: [:]).places
        let lines = longest.split(separator: "\n", omittingEmptySubsequences: false)
        func line(_ text: String) -> Int? { lines.firstIndex { $0.contains(text) }.map { $0 + 1 } }
        #expect(places["tenants[1].keys.public_key_files[0]"].line == line("public_key_files"))
        #expect(places["identity_providers[0].token.maximum_bytes"].line == line("maximum_bytes: 2048"))
        // What the file leaves out stands where it would stand.
        #expect(places["identity_providers[1].token.algorithm"].line == line("name: notes"))
        #expect("\(places["listen.tls.other"])" == "\(file):\(line("tls: {") ?? 0): listen.tls.other")
    }
}
