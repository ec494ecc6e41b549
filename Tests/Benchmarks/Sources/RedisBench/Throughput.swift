import Foundation
import Logging
import NIOPosix
import RedisSessions
import Synchronization
import TestSupport
import TokenExchange

/// Operations per second over one connection, with one and with more in flight.
enum Throughput {
    private static let inFlight = [1, 16, 64]
    /// Of new records; none occurs twice.
    private static let numbers = Counter()
    private static let patience = Duration.seconds(5)

    static func measure(for duration: Duration) async throws {
        let server = try await RedisServer.start()
        let records = try await SampleRecords(nil)
        let clock = ManualClock()
        let known = records.records(0, now: clock.now, answerLife: .seconds(3600))
        try await withStore(server) { store in
            _ = try await store.insertIfAbsent(known, replacing: nil, within: patience)
            print("| over one connection | in flight | operations/s |\n|---|---|---|")
            for inFlight in inFlight {
                try await report("store: session (GET)", inFlight, duration) { _ in
                    _ = try await store.session(known.session.key, within: patience)
                }
                try await report("store: insert (SET NX EX)", inFlight, duration) { number in
                    let records = records.records(number, now: clock.now, answerLife: .zero)
                    try await store.insertIfAbsent(records.session, within: patience)
                }
                try await report("store: exchange, new (EVALSHA)", inFlight, duration) { number in
                    let records = records.records(number, now: clock.now, answerLife: .seconds(3600))
                    _ = try await store.insertIfAbsent(records, replacing: nil, within: patience)
                }
                try await report("store: exchange, replayed (EVALSHA)", inFlight, duration) { _ in
                    _ = try await store.insertIfAbsent(known, replacing: nil, within: patience)
                }
                for line in try redisBenchmark(server, pipeline: inFlight) { print(line) }
            }
        }
    }

    static func withStore(_ server: RedisServer, _ body: (RedisSessionStore) async throws -> Void) async throws {
        var configuration = RedisConfiguration(.standalone(RedisAddress(host: "127.0.0.1", port: server.port)))
        configuration.commandTimeout = patience
        let store = RedisSessionStore(
            configuration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, time: ManualClock().time,
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
        let running = Task { await store.run() }
        try await body(store)
        running.cancel()
        await running.value
    }

    private static func report(
        _ name: String, _ inFlight: Int, _ duration: Duration,
        _ operation: @escaping @Sendable (_ number: Int) async throws -> Void
    ) async throws {
        let earlier = numbers.count
        let end = ContinuousClock.now + duration
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<inFlight {
                group.addTask {
                    while ContinuousClock.now < end {
                        try await operation(numbers.next())
                    }
                }
            }
            try await group.waitForAll()
        }
        let count = numbers.count - earlier
        print("| \(name) | \(inFlight) | \(count / Int(duration.components.seconds)) |")
    }

    private static func redisBenchmark(_ server: RedisServer, pipeline: Int) throws -> [String] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "redis-benchmark", "-p", String(server.port), "-c", "1", "-P", String(pipeline), "-t", "set,get", "-d",
            "250",
            "-n", String(pipeline == 1 ? 50_000 : 500_000), "--csv",
        ]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",").map { $0.trimmingCharacters(in: ["\""]) }
            return "| redis-benchmark: \(fields[0]) | \(pipeline) | \(Int(Double(fields[1]) ?? 0)) |"
        }
    }
}

private final class Counter: Sendable {
    private let last = Atomic(0)

    func next() -> Int { last.wrappingAdd(1, ordering: .relaxed).newValue }

    var count: Int { last.load(ordering: .relaxed) }
}
