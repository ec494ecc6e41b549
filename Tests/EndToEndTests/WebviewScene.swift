import Foundation
import JOSE
import TestSupport
import TokenExchange

/// Countersign, the loyalty page's server, and external identities good and bad, for a browser to try.
struct WebviewScene {
    static let tests = "\(CountersignProcess.repository)/Tests/EndToEndTests/Webview"
    private static let examples = "\(CountersignProcess.repository)/Examples"
    private static let example = "\(examples)/loyalty-webview"
    private static let pictures = "\(CountersignProcess.repository)/.build/webview"
    /// The loyalty page's back end.
    private static let verifier = TestVerifier("loyalty-backend", of: "vip-loyalty, optional", mayRevoke: "true")
    private static let audience = "https://loyalty.acme.example"

    let service: CountersignProcess
    let tokens: [String]
    let json: Data
    private let page: RunningProgram
    private let newStore: RunningProgram

    var pageLog: String { page.output }

    static func prepare(redis: RedisServer) async throws -> WebviewScene {
        let pagePort = try freeLoopbackPort()
        let folder = try CountersignProcess.prepare(settings(redis: redis, pagePort: pagePort))
        let service = try await CountersignProcess.start(in: folder)
        let newStorePort = try freeLoopbackPort()
        let newStore = try await RunningProgram.start(
            "/usr/bin/env",
            [
                "NEWSTORE_API_KEY=api", CountersignProcess.python, "\(examples)/fake-newstore", "--program",
                CountersignProcess.program, "--config", "\(folder.path)/countersign.yaml", "--port",
                "\(newStorePort)",
            ], until: "the fake NewStore is at")
        let page = try await RunningProgram.start(
            "/usr/bin/env",
            [
                "LOYALTY_VERIFIER_SECRET=\(verifier.secret)", "NEWSTORE_API_KEY=api", "NEWSTORE_EVENTS_KEY=events",
                CountersignProcess.python, "\(example)/server.py", "--port", "\(pagePort)", "--countersign",
                "http://127.0.0.1:\(service.publicPort)", "--issuer", "http://127.0.0.1:8080", "--newstore",
                "http://127.0.0.1:\(newStorePort)",
            ], until: "the page is at")
        let tokens = try await identities(of: service)
        let scene: [String: Any] = [
            "page_port": pagePort, "redis_port": redis.port, "program": CountersignProcess.program,
            "countersign": "http://127.0.0.1:\(service.publicPort)", "verifier": verifier.basic,
            "pictures": pictures, "demo": try await demo(in: folder),
        ]
        return WebviewScene(
            service: service, tokens: Array(tokens.values),
            json: try JSONSerialization.data(withJSONObject: scene.merging(tokens) { $1 }), page: page,
            newStore: newStore)
    }

    /// For the demo alone, which starts all that it needs.
    /// - Parameter folder: prepared; has to last as long as the demo.
    static func demo(of folder: TemporaryFolder) async throws -> Data {
        try JSONSerialization.data(withJSONObject: [
            "program": CountersignProcess.program, "pictures": pictures, "demo": try await demo(in: folder),
        ])
    }

    private static func settings(redis: RedisServer, pagePort: Int) -> CountersignProcess.Settings {
        func provider(
            _ name: String, mode: String = "strict", lifetime: String = "3h",
            origin: String = "http://127.0.0.1:\(pagePort)"
        ) -> String {
            CountersignProcess.Settings.provider(
                name, mode: mode, token: "kind: jwt, lifetime: \(lifetime), audience: \"\(audience)\"",
                more: ", webview: { origins: [\"\(origin)\"] }")
        }
        var settings = CountersignProcess.Settings()
        settings.sessions = CountersignProcess.Settings.redis(redis)
        settings.providers =
            provider("vip-loyalty") + provider("short", lifetime: "1s") + provider("optional", mode: "optional")
            + provider("notes", origin: "https://notes.example")
        settings.verifiers = [verifier]
        return settings
    }

    private static func identities(of service: CountersignProcess) async throws -> [String: String] {
        func identity(_ provider: String = "vip-loyalty") throws -> String {
            let answer = try service.exchange(try ModelToken.fresh(), provider: provider)
            guard let identity = answer.externalIdentity else { throw ProgramFailure(description: answer.text) }
            return identity
        }
        let revoked = try identity()
        guard try service.revoke(revoked, as: verifier).status == 200 else {
            throw ProgramFailure(description: "nothing was revoked")
        }
        let expired = try identity("short")
        try await eventually("an external identity is over") { try service.session(expired).status == 401 }
        return [
            "good": try identity(), "optional": try identity("optional"), "revoked": revoked, "expired": expired,
            "foreign": try identity("notes"), "forged": try forged(),
        ]
    }

    /// As Countersign would mint it, but with a key of somebody else's.
    private static func forged() throws -> String {
        let token = ModelToken.current.claim("iss", .string("http://127.0.0.1:8080")).claim("aud", .string(audience))
            .claim("identity_provider", .string("vip-loyalty")).header("alg", .string("ES256"))
        return String(decoding: try token.signed(by: TestKeys.es256), as: UTF8.self)
    }

    /// The example's own configuration on free ports, with a development key of the test's.
    private static func demo(in folder: TemporaryFolder) async throws -> [String: Any] {
        var ports: [String: Int] = [:]
        for name in ["countersign", "page", "newstore", "shell", "redis"] { ports[name] = try freeLoopbackPort() }
        let operations = try freeLoopbackPort()
        let key = "\(folder.path)/acme-staging"
        let made = try await CountersignProcess.run(
            "sh",
            [
                "-c",
                """
                umask 077; openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out '\(key).private.pem' &&
                openssl pkey -in '\(key).private.pem' -pubout -out '\(key).public.pem'
                """,
            ])
        guard made.status == 0 else { throw ProgramFailure(description: made.output) }
        let yaml = try String(contentsOfFile: "\(example)/countersign.yaml", encoding: .utf8)
        let numbers = ["8090", "8091", "8092", "8094", "8095"]
        let given = [ports["countersign"], operations, ports["page"], ports["shell"], ports["redis"]].map { $0 ?? 0 }
        let configuration =
            (zip(numbers.map { ":\($0)" }, given.map { ":\($0)" })
            + [("../../keys/signing", "signing"), ("../../keys/development/", "")])
            .reduce(yaml) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
        return ["script": "\(example)/demo.py", "config": try folder.write("demo.yaml", configuration), "ports": ports]
    }
}
