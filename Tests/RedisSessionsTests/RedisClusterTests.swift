import RedisSessions
import TestSupport
import Testing
import TokenExchange

@Suite(.serialized) struct RedisClusterTests {
    @Test func keepsAllPromisesOfTheStore() async throws {
        let cluster = try await RedisCluster.start()
        try await withStore(configuration(cluster)) { store in
            let harness = SessionStoreHarness(store: store, now: { clock.now }) { ending in
                let (kind, key) = ending.record
                let name = redisKey(kind, key)
                try cluster.master(of: cluster.slot(of: name)).command("DEL", name)
            }
            for check in SessionStoreConformance.checks { try await check.run(harness) }
            for check in SharedRecordsConformance.checks { try await check.run(store) }
        }
    }

    @Test func spreadsExchangesOverAllMasters() async throws {
        let cluster = try await RedisCluster.start()
        try await withStore(configuration(cluster)) { store in
            for number in 0..<UInt8(60) {
                try await expect(.inserted, from: scattered(number), in: store)
            }
        }
        let sizes = try cluster.masters.map { try $0.connect().keys().count }
        #expect(sizes.reduce(0, +) == 120)
        #expect(sizes.allSatisfy { $0 > 10 })
    }

    @Test func agreesWithTheServerAboutSlots() async throws {
        let cluster = try await RedisCluster.start(masters: 1)
        let redis = try cluster.masters[0].connect()
        for number in UInt8.min...UInt8.max {
            let partition = spread(number)
            let key = redisKey("session", RecordKey(digest: [UInt8](repeating: 1, count: 32), in: partition))
            #expect(try redis.send("CLUSTER", "KEYSLOT", key) == .integer(Int(ClusterSlot(of: partition).number)))
        }
    }

    /// Halfway the source still has the keys, the target takes new ones.
    @Test func followsASlotThatMoves() async throws {
        try await withSlotToMove { cluster, slot, source, target, store in
            let before = records(session: 1, answer: 2)
            let during = records(session: 3, answer: 4)
            try await expect(.inserted, from: before, in: store)
            try await cluster.move(slot, from: source, to: target) {
                try await expect(
                    .answered(before.answer, session: before.session.record), from: records(session: 5, answer: 2),
                    in: store)
                try await expect(.inserted, from: during, in: store)
                try await expect(
                    .answered(during.answer, session: during.session.record), from: records(session: 6, answer: 4),
                    in: store)
                #expect(try await store.session(key(1), within: ample) == before.session.record)
                #expect(try await store.session(key(3), within: ample) == during.session.record)
                #expect(try target.connect().keys().count == 2)
            }
            for exchange in [before, during] {
                #expect(try await store.session(exchange.session.key, within: ample) == exchange.session.record)
            }
            try await expect(
                .answered(before.answer, session: before.session.record), from: records(session: 7, answer: 2),
                in: store)
            #expect(try source.connect().keys() == [])
        }
    }

    /// The session has moved, its answer has not: who has the answer cannot tell whether it lives.
    @Test func waitsForAnAnswerLeftBehind() async throws {
        try await withSlotToMove { cluster, slot, source, target, store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await cluster.move(slot, from: source, to: target) {
                try source.command("MIGRATE", "127.0.0.1", "\(target.port)", redisKey("session", 1), "0", "1000")
                async let replay = store.insertIfAbsent(records(session: 3, answer: 2), replacing: nil, within: ample)
                try await eventually("the replay was put off") {
                    try source.information("errorstats").contains("errorstat_TRYAGAIN")
                }
                try source.command("MIGRATE", "127.0.0.1", "\(target.port)", redisKey("answer", 2), "0", "1000")
                #expect(try await replay == .answered(exchange.answer, session: exchange.session.record))
            }
        }
    }

    /// A move may never end. Who has the answer gives it up then.
    @Test func waitsForNoMoveThatTakesLong() async throws {
        try await withSlotToMove { cluster, slot, source, target, store in
            let exchange = records(session: 1, answer: 2)
            let again = records(session: 3, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await cluster.move(slot, from: source, to: target) {
                try source.command("MIGRATE", "127.0.0.1", "\(target.port)", redisKey("session", 1), "0", "1000")
                try await expect(.inserted, from: again, in: store)
                try await expect(
                    .answered(again.answer, session: again.session.record), from: records(session: 4, answer: 2),
                    in: store)
                #expect(try source.connect().keys() == [])
            }
            for session in [exchange.session, again.session] {
                #expect(try await store.session(session.key, within: ample) == session.record)
            }
        }
    }

    @Test func namesTheMasterThatMayNotBeWrittenTo() async throws {
        let cluster = try await RedisCluster.start()
        for server in cluster.servers {
            let isRefusing = server === cluster.masters[1]
            let rule = ["ACL", "SETUSER", "countersign", "on", ">secret", "~*", "+@all"] + (isRefusing ? ["-set"] : [])
            #expect(try server.connect().send(rule.map { Array($0.utf8) }) == .status("OK"))
        }
        var configuration = configuration(cluster)
        configuration.credentials = RedisCredentials(username: "countersign") { "secret" }
        try await withStore(configuration) { store in
            try await expect(.refused(code: "NOPERM by 127.0.0.1:\(cluster.masters[1].port)")) {
                try await store.check(within: ample)
            }
        }
    }

    @Test func mintsAgainIfTheSessionIsLeftBehindAndLosesNeither() async throws {
        try await withSlotToMove { cluster, slot, source, target, store in
            let exchange = records(session: 1, answer: 2)
            let again = records(session: 3, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await cluster.move(slot, from: source, to: target) {
                try source.command("MIGRATE", "127.0.0.1", "\(target.port)", redisKey("answer", 2), "0", "1000")
                try await expect(.inserted, from: again, in: store)
            }
            for session in [exchange.session, again.session] {
                #expect(try await store.session(session.key, within: ample) == session.record)
            }
        }
    }

    @Test(arguments: ["yes", "no"]) func seesThatNobodyHasASlot(fullCoverage: String) async throws {
        let cluster = try await RedisCluster.start()
        for server in cluster.servers {
            try server.command("CONFIG", "SET", "cluster-require-full-coverage", fullCoverage)
        }
        try await withStore(configuration(cluster)) { store in
            try await store.check(within: ample)
            for server in cluster.servers { try server.command("CLUSTER", "DELSLOTS", "16383") }
            try await eventually("the gap is found", within: .seconds(10)) {
                let cause = try await cause { try await store.check(within: ample) }?.description ?? ""
                return cause.contains("CLUSTERDOWN")
                    || cause.contains("no server of the cluster is known to have the slot")
            }
            try cluster.masters[0].command("CLUSTER", "ADDSLOTS", "16383")
            try await eventually("the gap is closed", within: .seconds(10)) {
                try await cause { try await store.check(within: ample) } == nil
            }
        }
    }

    @Test func seesThatOneOfTheMastersIsFull() async throws {
        let cluster = try await RedisCluster.start()
        try await withStore(configuration(cluster)) { store in
            for master in cluster.masters {
                try await store.check(within: ample)
                try master.command("CONFIG", "SET", "maxmemory", "1")
                try await expect(.refused(code: "OOM by 127.0.0.1:\(master.port)")) {
                    try await store.check(within: ample)
                }
                try master.command("CONFIG", "SET", "maxmemory", "0")
            }
        }
    }

    @Test func findsTheSuccessorOfAMasterThatDied() async throws {
        let cluster = try await RedisCluster.start(withReplicas: true)
        let slot = Int(ClusterSlot(of: partition).number)
        let master = try cluster.master(of: slot)
        try await withStore(configuration(cluster, commandTimeout: .milliseconds(250))) { store in
            let exchange = records(session: 1, answer: 2)
            try await expect(.inserted, from: exchange, in: store)
            try await eventually("the replica has it") {
                try cluster.replicas.contains { try $0.connect().keys().count == 2 }
            }
            master.kill()
            try await eventually("the replica took over, and is asked", within: .seconds(15)) {
                (try? await store.session(key(1), within: ample)) == exchange.session.record
            }
            try await expect(
                .answered(exchange.answer, session: exchange.session.record), from: records(session: 3, answer: 2),
                in: store)
            try await store.check(within: ample)
        }
    }

    @Test func saysWhereNoMemberCanBeReached() async throws {
        let servers = try (0..<2).map { _ in try RedisServer.stopped() }
        var configuration = RedisConfiguration(.cluster(servers.map { loopback($0.port) }))
        configuration.reconnectWait = .milliseconds(200)
        try await withStore(configuration) { store in
            try await expect(.notConnected(detail: ConnectionFault.slotNotCovered.detail)) {
                _ = try await store.session(key(1), within: ample)
            }
            try await expect(.notConnected(detail: ConnectionFault.slotNotCovered.detail)) {
                try await store.check(within: ample)
            }
        }
    }

    /// The slot of ``partition``, who has it, and who shall.
    private func withSlotToMove(
        _ body: (RedisCluster, _ slot: Int, _ source: RedisServer, _ target: RedisServer, RedisSessionStore)
            async throws
            -> Void
    ) async throws {
        let cluster = try await RedisCluster.start()
        let slot = Int(ClusterSlot(of: partition).number)
        let source = try cluster.master(of: slot)
        let target = try #require(cluster.masters.first { $0 !== source })
        try await withStore(configuration(cluster)) { store in try await body(cluster, slot, source, target, store) }
    }

    private func configuration(_ cluster: RedisCluster, commandTimeout: Duration = ample) -> RedisConfiguration {
        RedisSessionsTests.configuration(
            .cluster(cluster.servers.map { loopback($0.port) }), commandTimeout: commandTimeout)
    }

    private func spread(_ number: UInt8) -> Partition { Partition(digest: [number &* 37, number, number &* 101]) }

    private func scattered(_ number: UInt8) -> ExchangeRecords {
        let digest = [UInt8](repeating: number, count: 32)
        let partition = spread(number)
        return ExchangeRecords(
            session: StoredSession(
                key: RecordKey(digest: digest, in: partition), record: SealedRecord(bytes: [number]),
                expiresAt: clock.now + .seconds(100)),
            answerKey: RecordKey(digest: digest, in: partition), answer: SealedRecord(bytes: [number]),
            answerExpiresAt: clock.now + .seconds(50))
    }
}
