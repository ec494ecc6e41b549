import Foundation
import RedisSessions
import TestSupport
import TokenExchange

/// What a session costs in Redis' memory, once the answers are gone.
enum Memory {
    static func measure(sessions: Int) async throws {
        print("\n| \(sessions) sessions | record, bytes | MEMORY USAGE of a key | used_memory, bytes per session |")
        print("|---|---|---|---|")
        try await measure("JWT", nil, sessions: sessions)
        try await measure("opaque, one claim", .opaque, sessions: sessions)
    }

    private static func measure(_ name: String, _ kind: TokenRecipe.Kind?, sessions: Int) async throws {
        let server = try await RedisServer.start(arguments: ["--enable-debug-command", "yes"])
        let sample = try await SampleRecords(kind)
        let clock = ManualClock()
        let redis = try server.connect()
        try await Throughput.withStore(server) { store in
            try await store.check(within: .seconds(5))
            // The check leaves records of its own for a minute, which are no sessions.
            _ = try redis.send("FLUSHALL")
            let before = try usedMemory(redis)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let workers = 64
                for worker in 0..<workers {
                    group.addTask {
                        for number in stride(from: worker, to: sessions, by: workers) {
                            // No answer is kept: the state of an hour later.
                            let records = sample.records(number, now: clock.now, answerLife: .zero)
                            _ = try await store.insertIfAbsent(records, replacing: nil, within: .seconds(5))
                        }
                    }
                }
                try await group.waitForAll()
            }
            // The tables of keys may still be growing, old and new side by side.
            try await eventually("Redis has moved all keys to its new table", within: .seconds(60)) {
                try text(redis.send("DEBUG", "HTSTATS", "0")).contains("rehashing target") == false
            }
            let after = try usedMemory(redis)
            let key = try text(redis.send("RANDOMKEY"))
            let usage = try integer(redis.send("MEMORY", "USAGE", key))
            let record = try redis.value(key)?.count ?? 0
            let count = try integer(redis.send("DBSIZE"))
            guard count == sessions else {
                throw ProgramFailure(description: "expected \(sessions) keys, one for each session, found \(count)")
            }
            print("| \(name) | \(record) | \(usage) | \((after - before) / sessions) |")
        }
    }

    private static func usedMemory(_ redis: RawRedisConnection) throws -> Int {
        let lines = try text(redis.send("INFO", "memory")).split(separator: "\r\n")
        return lines.first { $0.hasPrefix("used_memory:") }.flatMap { Int($0.dropFirst(12)) } ?? 0
    }

    private static func integer(_ reply: RawReply) throws -> Int {
        guard case .integer(let number) = reply else {
            throw ProgramFailure(description: "expected a number, found \(text(reply))")
        }
        return number
    }

    private static func text(_ reply: RawReply) -> String {
        switch reply {
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let text), .error(let text): text
        default: ""
        }
    }
}
