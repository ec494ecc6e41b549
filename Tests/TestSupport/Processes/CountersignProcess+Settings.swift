import Foundation
import JOSE
package import TokenExchange

extension CountersignProcess {
    /// What a test decides about the service; the rest is as in the development configuration.
    package struct Settings: Sendable {
        package var signing = "{ directory: signing }"
        /// What `signing` says of times, for the first keys.
        package var signingTimes = SigningKeyTimes()
        package var sessions = "{ store: memory }"
        package var limits = "{ requests_per_second: 0 }"
        /// No load balancer has to be told.
        package var shutdown = "{ notice: 0s, grace: 5s }"
        package var outbound: String?
        package var traces: String?
        package var publicURL = "http://127.0.0.1:8080"
        package var providers = Settings.provider("vip-loyalty")
        package var log = "{ level: info, format: json }"
        package var audit: String?
        /// 0: any that is free; the log tells which.
        package var ports = (public: 0, operations: 0)
        /// `listen.operations`; nil for the address with its port.
        package var operations: String?
        /// Further keys of `listen`.
        package var listenMore = ""
        package var algorithms: [SignatureAlgorithm] = [.es256]
        package var verifiers: [TestVerifier] = []
        package var defaultProvider: String?
        /// Further keys of the tenant, after a comma.
        package var tenantMore = ""
        /// Where the tenant's keys come from.
        package var keys = "{ jwks_file: issuer.json }"

        package init() {}

        package static func redis(_ server: RedisServer, commandTimeout: String = "250ms") -> String {
            """
            { store: redis, redis: { url: "redis://127.0.0.1:\(server.port)/0", command_timeout: \(commandTimeout) } }
            """
        }

        package static func provider(
            _ name: String, mode: String = "strict", token: String = "kind: jwt, claims: { email: { from: email } }",
            more: String = ""
        ) -> String {
            "  - { name: \(name), tenants: [acme-staging], mode: \(mode), token: { \(token) }\(more) }\n"
        }

        /// The configuration file.
        package var yaml: String {
            """
            public_url: \(publicURL)
            listen: { public: "127.0.0.1:\(ports.public)", operations: \(operations ?? "\"127.0.0.1:\(ports.operations)\"")\(listenMore) }
            log: \(log)
            limits: \(limits)
            signing: \(signing)
            sessions: \(sessions)
            tenants:
              - { name: acme-staging, issuer: "\(ModelToken.issuer)", keys: \(keys)\(tenantMore) }
            identity_providers:
            \(providers)
            \(defaultProvider.map { "default_identity_provider: \($0)" } ?? "")
            \(verifiers.isEmpty ? "" : "verifiers:\n" + verifiers.map(\.yaml).joined())
            shutdown: \(shutdown)
            \(outbound.map { "outbound: \($0)" } ?? "")\(traces.map { "\ntraces: \($0)" } ?? "")\(audit.map { "\naudit: \($0)" } ?? "")
            """
        }
    }

    /// A folder with configuration, issuer keys and signing keys, as an operator would lay it out.
    /// - Parameter now: when the signing keys are made; nil for the machine's time.
    package static func prepare(_ settings: Settings, at now: UnixTime? = nil) throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        try folder.write("issuer.json", String(decoding: PublicJWK.set([TestKeys.rs256.publicKey]), as: UTF8.self))
        try folder.write("countersign.yaml", settings.yaml)
        for verifier in settings.verifiers {
            chmod(try folder.write(verifier.secretFile, verifier.secret), 0o600)
        }
        for algorithm in settings.algorithms {
            _ = try SigningKeyDirectory(path: "\(folder.path)/signing").generate(
                algorithm: algorithm, at: now ?? UnixTime(seconds: Date().timeIntervalSince1970),
                times: settings.signingTimes)
        }
        return folder
    }
}
