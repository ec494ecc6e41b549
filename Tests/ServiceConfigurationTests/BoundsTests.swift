import Foundation
import Testing

/// A value with two bounds, somewhere below the shortest good file.
struct Bounds: Sendable, CustomTestStringConvertible {
    /// `%` stands for the value.
    let yaml: String
    let accepted: [String]
    let refused: [String]

    var testDescription: String { yaml }

    static let all = [
        Bounds(yaml: "limits: { request_timeout: % }\n", accepted: ["100ms", "5m"], refused: ["99ms", "300001ms"]),
        Bounds(yaml: "limits: { queueing_time: % }\n", accepted: ["10ms", "10s"], refused: ["9ms", "10001ms"]),
        Bounds(yaml: "listen: { idle_timeout: % }\n", accepted: ["100ms", "1h"], refused: ["99ms", "3600001ms"]),
        Bounds(
            yaml: "sessions: { memory: { entries: % } }\n", accepted: ["2", "10000000"], refused: ["1", "10000001"]),
        Bounds(yaml: "shutdown: { notice: % }\n", accepted: ["0s", "5m"], refused: ["300001ms", "-1s"]),
        Bounds(yaml: "shutdown: { grace: % }\n", accepted: ["0s", "5m"], refused: ["300001ms", "-1s"]),
        Bounds(
            yaml: "log: { buffer_bytes: % }\n", accepted: ["65536", "1073741824"], refused: ["65535", "1073741825"]),
        Bounds(yaml: "log: { refusals_per_second: % }\n", accepted: ["1", "10000"], refused: ["0", "10001"]),
        Bounds(
            yaml: "audit: { stdout: true, queue_bytes: % }\n", accepted: ["65536", "1073741824"],
            refused: ["65535", "1073741825"]),
        Bounds(
            yaml: "audit: { stdout: true, refusals_per_second: % }\n", accepted: ["1", "10000"],
            refused: ["0", "10001"]),
        Bounds(yaml: "audit: { stdout: % }\n", accepted: ["true"], refused: ["false", "yes"]),
        Bounds(yaml: "audit: { % }\n", accepted: ["file: new.jsonl"], refused: ["file: none/new.jsonl", "file: ."]),
        Bounds(yaml: "audit: %\n", accepted: ["{ stdout: true }"], refused: ["{}", "{ stdout: true, file: a }"]),
        Bounds(yaml: "outbound: { idle_timeout: % }\n", accepted: ["100ms", "10m"], refused: ["99ms", "600001ms"]),
        Bounds(yaml: "outbound: { head_bytes: % }\n", accepted: ["1024", "1048576"], refused: ["1023", "1048577"]),
        Bounds(
            yaml: "outbound: { proxy: \"http://p:%\" }\n", accepted: ["1", "65535", "3128/"],
            refused: ["0", "65536", "", "3128/x", "3128?x"]),
        traces(
            "sample_ratio", accepted: ["0", "0.0", "1e-3", "1"], refused: ["-0.1", "1.01", "\"1\"", "0x1", ".5", "a"]),
        traces("requests_per_second", accepted: ["1", "10000"], refused: ["0", "10001"]),
        traces("queue_spans", accepted: ["64", "1000000"], refused: ["63", "1000001"]),
        traces("batch_spans", accepted: ["1", "4096"], refused: ["0", "4097"]),
        traces("interval", accepted: ["10ms", "1m"], refused: ["9ms", "60001ms"]),
        traces("timeout", accepted: ["50ms", "1m"], refused: ["49ms", "60001ms"]),
        rotation("every", accepted: ["1s", "3650d"], refused: ["999ms", "315360001s"]),
        rotation("refresh_lag", accepted: ["200ms", "1h"], refused: ["199ms", "3600001ms"]),
        rotation("clock_skew", accepted: ["0s", "10m"], refused: ["600001ms", "x"]),
        redis("command_timeout", accepted: ["10ms", "10s"], refused: ["9ms", "10001ms"]),
        redis("connect_timeout", accepted: ["10ms", "10s"], refused: ["9ms", "10001ms"]),
        redis("reconnect_wait", accepted: ["0s", "1m"], refused: ["-1s", "60001ms"]),
        redis("maximum_in_flight", accepted: ["1", "65536"], refused: ["0", "65537"]),
        redis("wait_replicas", accepted: ["0", "10"], refused: ["-1", "11"]),
        redis("wait_timeout", accepted: ["200ms", "10s"], refused: ["199ms", "10001ms"]),
        redis("wait_connections", accepted: ["1", "256"], refused: ["0", "257"]),
        Bounds(
            yaml: "sessions: { deferred: { entries: % } }\n", accepted: ["1", "1000000"], refused: ["0", "1000001"]),
        Bounds(
            yaml: "sessions: { deferred: { bytes: % } }\n", accepted: ["4096", "1073741824"],
            refused: ["4095", "1073741825"]),
        redis("key_prefix", accepted: ["a", letters(64)], refused: ["\"\"", letters(65)]),
        provider("deadline: %", accepted: ["100ms", "30s"], refused: ["99ms", "30001ms"]),
        provider("token: { lifetime: % }", accepted: ["1s", "24h", "1d"], refused: ["0s", "999ms", "86401s"]),
        provider("token: { maximum_bytes: % }", accepted: ["128", "8192"], refused: ["127", "8193"]),
        upstream("timeout: %", accepted: ["50ms", "30s"], refused: ["49ms", "30001ms"]),
        upstream("attempts: %", accepted: ["1", "5"], refused: ["0", "6"]),
        upstream("connections: %", accepted: ["1", "1024"], refused: ["0", "1025"]),
        upstream("calls: %", accepted: ["1", "65536"], refused: ["0", "65537"]),
        upstream("maximum_answer_bytes: %", accepted: ["256", "1048576"], refused: ["255", "1048577"]),
        upstream("devices_per_token: %", accepted: ["1", "256"], refused: ["0", "257"]),
        upstream("success_statuses: [%]", accepted: ["200", "299"], refused: ["199", "300", "\"200\""]),
        upstream("circuit_breaker: { failures: % }", accepted: ["1", "1000"], refused: ["0", "1001"]),
        upstream("circuit_breaker: { pause: % }", accepted: ["10ms", "1m"], refused: ["9ms", "60001ms"]),
        upstream(
            "circuit_breaker: { pause: 5s, longest_pause: % }", accepted: ["5s", "10m"],
            refused: ["4999ms", "600001ms"]),
        tenant("clock_skew: %", accepted: ["0s", "10m"], refused: ["600001ms", "-1s"]),
        tenant("maximum_age: %", accepted: ["0s", "3650d"], refused: ["315360001s", "1w"]),
        remoteKeys("refresh", accepted: ["1s", "1d"], refused: ["999ms", "86401s"]),
        remoteKeys("maximum_age", accepted: ["5m", "30d"], refused: ["299999ms", "2592001s"]),
        remoteKeys("cooldown", accepted: ["1s", "10m"], refused: ["999ms", "600001ms"]),
        remoteKeys("timeout", accepted: ["100ms", "30s"], refused: ["99ms", "30001ms"]),
        Bounds(yaml: "listen: { public: \"h:%\" }\n", accepted: ["0", "65535"], refused: ["-1", "65536", ""]),
        Bounds(
            yaml: "  - { name: %, tenants: [acme] }\n", accepted: ["a", "9-_.", letters(64)],
            refused: [letters(65), "-a", ".a", "_a", "a/b", "\"a b\"", "ä"]),
        Bounds(
            yaml: "verifiers: [{ id: v, identity_providers: [loyalty], secret: { env: % } }]\n",
            accepted: ["SIXTEEN"], refused: ["FIFTEEN"]),
    ]

    private static func traces(_ key: String, accepted: [String], refused: [String]) -> Bounds {
        Bounds(yaml: "traces: { endpoint: \"http://[::1]:1\", \(key): % }\n", accepted: accepted, refused: refused)
    }

    private static func rotation(_ key: String, accepted: [String], refused: [String]) -> Bounds {
        Bounds(yaml: "rotation: \(key): %", accepted: accepted, refused: refused)
    }

    private static func redis(_ key: String, accepted: [String], refused: [String]) -> Bounds {
        Bounds(
            yaml: "sessions: { store: redis, redis: { url: \"redis://h\", \(key): % } }\n", accepted: accepted,
            refused: refused)
    }

    private static func provider(_ entry: String, accepted: [String], refused: [String]) -> Bounds {
        Bounds(yaml: "    \(entry)\n", accepted: accepted, refused: refused)
    }

    private static func upstream(_ entry: String, accepted: [String], refused: [String]) -> Bounds {
        let service = "{ url: \"https://b.example/tokens\", token_at: /token, \(entry) }"
        return provider("token: { kind: upstream, upstream: \(service) }", accepted: accepted, refused: refused)
    }

    private static func tenant(_ entry: String, accepted: [String], refused: [String]) -> Bounds {
        let tenant = "{ name: b, issuer: \"https://b.example\", keys: { jwks_file: acme.json }, \(entry) }"
        return Bounds(yaml: "tenant: \(tenant)", accepted: accepted, refused: refused)
    }

    private static func remoteKeys(_ key: String, accepted: [String], refused: [String]) -> Bounds {
        let keys = "{ jwks_url: \"https://b.example/certs\", \(key): % }"
        let tenant = "{ name: b, issuer: \"https://b.example\", keys: \(keys) }"
        return Bounds(yaml: "tenant: \(tenant)", accepted: accepted, refused: refused)
    }

    private static func letters(_ count: Int) -> String { String(repeating: "a", count: count) }

    func file(_ value: String) -> String {
        let text = yaml.replacing("%", with: value)
        if text.hasPrefix("rotation: ") {
            return shortest.replacing(
                "signing: { directory: keys }",
                with: "signing: { directory: keys, rotation: { \(text.dropFirst("rotation: ".count)) } }")
        }
        guard text.hasPrefix("tenant: ") else { return shortest + text }
        return shortest.replacing(
            "tenants:\n", with: "tenants:\n  - \(text.dropFirst("tenant: ".count))\n", maxReplacements: 1)
    }
}

@Suite struct BoundsTests {
    let folder: ScratchFolder
    let environment = ["FIFTEEN": "123456789012345", "SIXTEEN": "1234567890123456"]

    init() throws {
        folder = try ScratchFolder()
    }

    @Test(arguments: Bounds.all)
    func acceptsWhatIsAtABound(_ bounds: Bounds) throws {
        for value in bounds.accepted {
            #expect(try folder.complaints(about: bounds.file(value), environment: environment) == "")
        }
    }

    @Test(arguments: Bounds.all)
    func refusesWhatIsBeyondABound(_ bounds: Bounds) throws {
        for value in bounds.refused {
            let complaints = try folder.complaints(about: bounds.file(value), environment: environment)
            #expect(complaints.contains(": expected "), "accepted \(value)")
            #expect(!complaints.contains("\n"))
        }
    }
}
