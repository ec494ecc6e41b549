import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// A real server behind a network that cuts, delays, stalls and damages.
@Suite(.serialized) struct RedisFaultyNetworkTests {
    private static let count = UInt8(40)

    private func fill(_ store: RedisSessionStore) async throws {
        for number in 0..<Self.count {
            try await expect(.inserted, from: bigRecords(number), in: store)
        }
    }

    /// Session `number` and its answer, both 300 bytes that only this number has.
    private func bigRecords(_ number: UInt8, session: UInt8 = 100) -> ExchangeRecords {
        var generator = SeededGenerator(seed: UInt64(number))
        let bytes = { (0..<300).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        return ExchangeRecords(
            session: StoredSession(
                key: key(session &+ number), record: SealedRecord(bytes: bytes()), expiresAt: clock.now + .seconds(100)),
            answerKey: key(number), answer: SealedRecord(bytes: bytes()), answerExpiresAt: clock.now + .seconds(100))
    }

    private func session(_ number: UInt8, in store: RedisSessionStore) async throws -> SealedRecord? {
        try await store.session(key(100 + number), within: ample)
    }

    @Test func tellsTheCallersOfAReplyCutShortAndHeals() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let log = RecordedLog()
        try await withStore(configuration(port: proxy.port), threads: 1, logger: log.logger) { store in
            try await fill(store)
            for cut in [0, 1, 3, 7, 150, 305, 306, 307, 1000, 5000] {
                proxy.cut(afterBytes: cut)
                let failures = try await withThrowingTaskGroup(of: SessionStoreFailure.Cause?.self) { group in
                    for number in 0..<Self.count {
                        group.addTask {
                            try await cause {
                                let record = try await session(number, in: store)
                                #expect(record == bigRecords(number).session.record)
                            }
                        }
                    }
                    var failures: [SessionStoreFailure.Cause] = []
                    for try await case let cause? in group { failures.append(cause) }
                    return failures
                }
                #expect(!failures.isEmpty)
                let closed = ["connection closed by server", "connection reset: 127.0.0.1:\(proxy.port)"]
                #expect(failures.allSatisfy { failure in closed.contains { failure == .notConnected(detail: $0) } })
                try await eventually("the connection is replaced", within: .seconds(2)) {
                    try await cause { try await store.check(within: ample) } == nil
                }
            }
        }
        #expect(log.lines.filter { $0 == "notice: Redis connection restored" }.count == 10)
        try await proxy.close()
    }

    @Test func givesALateReplyToNobodyElse() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        try await withStore(configuration(port: proxy.port), threads: 1) { store in
            try await fill(store)
            let connections = try clients(of: server).map { $0.prefix { $0 != " " } }
            proxy.delay(.seconds(1))
            try await expect(.timedOut) { _ = try await store.session(key(100), within: .milliseconds(100)) }
            proxy.restore()
            // The late reply of the first command comes before these.
            for number in 1..<Self.count {
                #expect(try await session(number, in: store) == bigRecords(number).session.record)
            }
            #expect(try clients(of: server).map { $0.prefix { $0 != " " } } == connections, "the connection is kept")
        }
        try await proxy.close()
    }

    @Test func replacesAConnectionThatStallsAndHealsWithTheNetwork() async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let configuration = configuration(port: proxy.port, commandTimeout: .milliseconds(250))
        try await withStore(configuration, threads: 1) { store in
            try await fill(store)
            proxy.stall()
            try await expect(.timedOut) { _ = try await session(0, in: store) }
            try await eventually("the connection is given up, and the next one gets no further") {
                try await cause { try await store.check(within: ample) } == .notConnected(detail: "handshake timed out")
            }
            proxy.restore()
            try await eventually("the store is back", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
            #expect(try await session(0, in: store) == bigRecords(0).session.record)
        }
        try await proxy.close()
    }

    /// Plain damage inside a record cannot be seen here; the seal finds it.
    @Test(arguments: [1, 2, 3, 4])
    func damagedRepliesAreNeverAnotherCallersAnswer(seed: UInt64) async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let configuration = configuration(port: proxy.port, commandTimeout: .milliseconds(300))
        let everything = (0..<Self.count).map { bigRecords($0) }
        let records = Set(everything.map(\.session.record.bytes) + everything.map(\.answer.bytes))
        try await withStore(configuration, threads: 1) { store in
            try await fill(store)
            proxy.corrupt(oneByteIn: 2000, seed: seed)
            let tally = await withTaskGroup(of: Tally.self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        var tally = Tally()
                        var generator = SeededGenerator(seed: seed << 8 | UInt64(caller))
                        while !tally.tellsEnough {
                            let number = UInt8.random(in: 0..<Self.count, using: &generator)
                            let own = everything[Int(number)]
                            do {
                                if Bool.random(using: &generator) {
                                    tally.note(
                                        try await session(number, in: store), own: own.session.record, of: records)
                                } else {
                                    let answered = try await store.insertIfAbsent(
                                        bigRecords(number, session: 200), replacing: nil, within: ample)
                                    guard case .answered(let answer, let session) = answered else {
                                        tally.wrong += 1
                                        continue
                                    }
                                    tally.note(answer, own: own.answer, of: records)
                                    tally.note(session, own: own.session.record, of: records)
                                }
                            } catch { tally.failed += 1 }
                        }
                        return tally
                    }
                }
                return await group.reduce(into: Tally()) { $0.add($1) }
            }
            #expect(tally.wrong == 0)
            proxy.restore()
            proxy.disconnect()
            try await eventually("the store is back", within: .seconds(2)) {
                try await cause { try await store.check(within: ample) } == nil
            }
            for number in 0..<Self.count {
                #expect(try await session(number, in: store) == everything[Int(number)].session.record)
            }
        }
        try await proxy.close()
    }

    private struct Tally: Sendable {
        var right = 0
        var damaged = 0
        var failed = 0
        /// Another's record, or none where there is one.
        var wrong = 0

        /// Some went well and some did not, in whatever order the network chose; one wrong answer is too many.
        var tellsEnough: Bool { wrong > 0 || right >= 25 && damaged + failed >= 5 && right + damaged + failed >= 150 }

        mutating func note(_ record: SealedRecord?, own: SealedRecord, of all: Set<[UInt8]>) {
            if record == own {
                right += 1
            } else if let record, !all.contains(record.bytes) {
                damaged += 1
            } else {
                wrong += 1
            }
        }

        mutating func add(_ other: Tally) {
            right += other.right
            damaged += other.damaged
            failed += other.failed
            wrong += other.wrong
        }
    }
}
