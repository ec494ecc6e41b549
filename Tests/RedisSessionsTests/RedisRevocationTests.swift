import JOSE
import RedisSessions
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisRevocationTests {
    private static let list = "countersign:{revocations}"

    @Test func keepsThePromisesOfTheStore() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            try await RevocationStoreConformance.check(store, now: clock.now)
        }
        // The clock of the tests stands in the past, so the end is the server's own.
        #expect(try server.connect().timeToLive(Self.list) > 500)
    }

    @Test func keepsThePromisesOfTheStoreInACluster() async throws {
        let cluster = try await RedisCluster.start()
        let configuration = RedisConfiguration(
            .cluster(cluster.servers.map { loopback($0.port) }))
        try await withStore(configuration) { store in
            try await RevocationStoreConformance.check(store, now: clock.now)
        }
    }

    @Test func hasRoomForEmergenciesThoughItIsFull() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            try await RevocationStoreConformance.checkRoom(store, now: clock.now) { revocations, _ in
                // Behind the store's back.
                let redis = try server.connect()
                for start in stride(from: 0, to: revocations.count, by: 1000) {
                    let fields = revocations[start..<min(start + 1000, revocations.count)].flatMap { revocation in
                        [
                            revocation.cohort.text,
                            "\(revocation.issuedBefore.milliseconds) \(revocation.endsAt.milliseconds)",
                        ]
                    }
                    _ = try redis.send((["HSET", Self.list] + fields).map { Array($0.utf8) })
                }
            }
        }
    }

    // MARK: What others have written

    private static let end = "4000000000000"

    @Test(arguments: [
        ("subject:B", "9223372036854775807 9223372036854775807"), ("subject:B", "-9223372036854775808 \(end)"),
        ("subject:B", "9223372036854775808 \(end)"), ("subject:B", "253402300800000 \(end)"),
        ("subject:B", "1 99999999999999999999999"), ("subject:B", "-1 \(end)"), ("subject:B", "1e3 \(end)"),
        ("subject:B", "1.5 \(end)"), ("subject:B", "+1 \(end)"), ("subject:B", ""), ("subject:B", "1"),
        ("subject:B", " 1 \(end)"), ("subject:B", "1 \(end) "), ("subject:B", "1 \(end) 3"), ("subject:B", "1  \(end)"),
        ("subject:B", "\u{0661} \(end)"), ("subject:", "1 \(end)"), ("subject", "1 \(end)"),
        ("subject:B:C", "1 \(end)"),
        ("subject:B\u{301}", "1 \(end)"), ("all:B", "1 \(end)"), ("other:B", "1 \(end)"), ("", "1 \(end)"),
        ("subject:" + String(repeating: "B", count: 44), "1 \(end)"),
        (String(repeating: "B", count: 100_000), "1 \(end)"),
        ("subject:B", String(repeating: "1", count: 8_000_000)),
    ])
    func passesOverWhatIsNoRevocation(name: String, value: String) async throws {
        let server = try await RedisServer.start()
        try server.command("HSET", Self.list, "subject:A", "1 \(Self.end)", name, value, "version", "v")
        try await withStore(configuration(server), threads: 1) { store in
            try await store.check(within: ample)
            let connections = try clients(of: server).map { $0.prefix { $0 != " " } }
            let stored = try #require(try await store.revocations(unless: nil, within: ample))
            #expect(stored.version == "v")
            #expect(stored.revocations.map(\.cohort.text) == ["subject:A"])
            #expect(stored.unreadable == 1)
            // Revocations are still recorded, also for the same cohort, and what we did not write stays.
            try await store.add(revocation(of: "subject:B"), within: ample)
            let after = try #require(try await store.revocations(unless: nil, within: ample))
            #expect(after.revocations.map(\.cohort.text).sorted() == ["subject:A", "subject:B"])
            #expect(after.unreadable == (name == "subject:B" ? 0 : 1))
            #expect(try clients(of: server).map { $0.prefix { $0 != " " } } == connections, "the connection is kept")
        }
    }

    @Test func passesOverNamesAndVersionsThatAreNoText() async throws {
        let server = try await RedisServer.start()
        let words = ["HSET", Self.list, "subject:A", "1 \(Self.end)"].map { Array($0.utf8) }
        let strange: [[UInt8]] = [Array("subject:B".utf8) + [0xFF], Array("1 \(Self.end)".utf8)]
        let version: [[UInt8]] = [Array("version".utf8), [UInt8](repeating: 0xFE, count: 3_000_000)]
        _ = try server.connect().send(words + strange + version)
        try await withStore(configuration(server)) { store in
            let stored = try #require(try await store.revocations(unless: nil, within: ample))
            #expect(stored.revocations.map(\.cohort.text) == ["subject:A"] && stored.unreadable == 1)
            #expect(stored.version == "none")
            try await store.add(revocation(of: "subject:C"), within: ample)
            #expect(try await store.revocations(unless: stored.version, within: ample)?.revocations.count == 2)
        }
    }

    /// The number that is out of all bounds does not come back.
    @Test func givesBackAfterALossWhatItHasReadAndNothingElse() async throws {
        let server = try await RedisServer.start()
        let maximum = Int64.max
        try server.command(
            "HSET", Self.list, "subject:A", "\(maximum) \(maximum)", "key_id:A", "\(maximum) \(maximum)", "device:A",
            "\(Int64.min) \(maximum)", "tenant:A", "253402300799999 253402300799999")
        try await withStore(configuration(server)) { store in
            let events = Events()
            let list = RevocationList(
                store: store,
                vault: SessionVault(sealer: OpenSSLRecordSealer(), unreadable: UnreadableRecords { _ in }),
                time: clock.time, tell: events.note)
            for _ in 0..<3 { await list.refresh() }
            #expect(list.count == 1 && list.unreadableCount == 3)
            try server.command("DEL", Self.list)
            for _ in 0..<3 { await list.refresh() }
            #expect(list.count == 1 && list.unreadableCount == 0)
            #expect(events.all == [.unreadable(3)], "told once")
        }
        let reply = try server.connect().send("HGET", Self.list, "tenant:A")
        #expect(reply == .bulk(Array("253402300799999 253402300799999".utf8)))
        #expect(try server.connect().send("HLEN", Self.list) == .integer(2), "and the version")
    }

    @Test func saysThatTheListIsOfAnotherType() async throws {
        let server = try await RedisServer.start()
        try server.command("SET", Self.list, "x")
        try await withStore(configuration(server)) { store in
            try await expect(.refused(code: "WRONGTYPE")) {
                _ = try await store.revocations(unless: nil, within: ample)
            }
            try await expect(.refused(code: "WRONGTYPE")) {
                try await store.add(revocation(of: "subject:A"), within: ample)
            }
            try await store.check(within: ample)
        }
        #expect(try server.connect().value(Self.list) == Array("x".utf8))
    }

    private func revocation(of cohort: String, at moment: UnixTime = clock.now) throws -> Revocation {
        Revocation(
            cohort: try #require(CohortLabel(cohort)), issuedBefore: moment, endsAt: clock.now + .seconds(600))
    }
}
