import Foundation
import TestSupport
import TokenExchange

/// What 500 logins that wait 200 ms for an internal service each cost the logins of another provider beside them.
///
/// Usage: `COUNTERSIGN=<program> UpstreamBench [rounds]`. One associate after the other logs in at a provider that mints
/// JWTs, alone and beside the crowd; as a control, the same crowd logs in at a provider that needs no service.
@main struct UpstreamBench {
    private typealias Settings = CountersignProcess.Settings
    private static let logins = 500

    static func main() async throws {
        let rounds = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 5
        let service = try await FakeUpstream.start()
        service.delay(.milliseconds(200))
        let upstream = """
            kind: upstream, upstream: { url: "\(service.url)", token_at: /token, connections: 128, \
            body: { subject: { from: sub } } }
            """
        var settings = Settings()
        // All of the crowd comes from one address.
        settings.limits = "{ connections_per_source: 1024 }"
        settings.providers =
            Settings.provider("vip-loyalty") + Settings.provider("points", token: upstream) + Settings.provider("plain")
        let countersign = try await CountersignProcess.start(settings)
        var latencies: [Load: [Duration]] = [:]
        for round in 0..<rounds {
            for load in Load.allCases {
                latencies[load, default: []] += try await measure(load, of: countersign, round)
            }
        }
        print("| \(rounds) rounds | logins | p50 | p99 | longest |\n|---|---|---|---|---|")
        for load in Load.allCases { print(load.row(of: latencies[load, default: []].sorted())) }
        print("calls of the service: \(service.requestCount), over \(service.connectionCount) connections")
        _ = try await countersign.terminate()
    }

    private enum Load: String, CaseIterable {
        case alone
        case control = "beside 500 logins that need no service, over 3 s"
        case spread = "beside 500 logins that wait for one, over 3 s"
        case burst = "beside 500 logins that wait for one, at once"

        var crowdProvider: String? {
            switch self {
            case .alone: nil
            case .control: "plain"
            case .spread, .burst: "points"
            }
        }

        func row(of sorted: [Duration]) -> String {
            let milliseconds = [sorted[sorted.count / 2], sorted[sorted.count * 99 / 100], sorted[sorted.count - 1]]
                .map { String(format: "%.1f ms", $0 / .milliseconds(1)) }
            return "| \(rawValue) | \(sorted.count) | \(milliseconds.joined(separator: " | ")) |"
        }
    }

    /// For three seconds.
    private static func measure(
        _ load: Load, of countersign: CountersignProcess, _ round: Int
    ) async throws -> [Duration] {
        let tokens = try (0..<logins).map { number in
            try ModelToken.current.claim("sub", .string("\(load)-\(round)-\(number)")).signed(by: TestKeys.rs256)
        }
        let neighbours = try (0..<600).map { _ in try ModelToken.fresh() }
        async let crowd: Void = onThread {
            guard let provider = load.crowdProvider else { return }
            let connections = try tokens.map { _ in try countersign.connect() }
            for (number, connection) in connections.enumerated() {
                try connection.login(tokens[number], "till", provider)
                if load != .burst { Thread.sleep(forTimeInterval: 3.0 / Double(logins)) }
            }
            for connection in connections { try check(connection.answer()) }
        }
        let latencies = try await onThread {
            let connection = try countersign.connect()
            return try neighbours.map { token in
                let start = ContinuousClock.now
                try connection.login(token, "till", "vip-loyalty")
                try check(connection.answer())
                let latency = ContinuousClock.now - start
                Thread.sleep(forTimeInterval: max(0, 0.005 - latency / .seconds(1)))
                return latency
            }
        }
        try await crowd
        return latencies
    }

    private static func check(_ answer: HTTPAnswer) throws {
        guard answer.externalIdentity != nil else {
            throw ProgramFailure(description: "\(answer.status) \(answer.text)")
        }
    }

    /// Blocks a thread of its own.
    private static func onThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result(catching: work)) }.start()
        }
    }
}
