import RedisSessions
import TestSupport
import Testing
import TokenExchange

/// What the metrics say of the store's connections and commands.
@Suite struct RedisTrafficTests {
    private static let key = RecordKey(digest: [UInt8](repeating: 7, count: 32), in: Partition(digest: [1, 2, 3]))

    private func count(_ operation: SessionStoreFailure.Operation, in store: RedisSessionStore) -> Int {
        store.traffic.commandCounts.first { $0.operation == operation }?.count ?? -1
    }

    @Test func countsCommandsAndConnectionsThroughAnOutage() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            let traffic = store.traffic
            try await eventually("both connections are open") { traffic.connections.value == 2 }
            #expect(traffic.connectionsWanted.value == 2)
            #expect(try await store.session(Self.key, within: ample) == nil)
            #expect(count(.session, in: store) == 1 && count(.revoke, in: store) == 0)
            #expect(traffic.faultCounts.isEmpty && traffic.reconnects.value == 0)
            server.kill()
            try await eventually("their loss is noticed") { traffic.connections.value == 0 }
            #expect(traffic.connectionFailures.value >= 2 && traffic.connectionsWanted.value == 2)
            try await eventually("the outage is certain") {
                _ = try? await store.session(Self.key, within: .milliseconds(20))
                return traffic.faultCounts.contains { $0.key.cause == .notConnected && $0.key.operation == .session }
            }
            try await server.restart()
            try await eventually("both are open again") { traffic.connections.value == 2 }
            #expect(traffic.reconnects.value == 2)
            #expect(traffic.pending.value == 0 && traffic.waiting.value == 0, "nobody waits any more")
        }
    }

    @Test func tellsCommandsThatWaitForAConnectionFromThoseThatAreSent() async throws {
        let server = try await RedisServer.start()
        try await withStore(configuration(server)) { store in
            try await eventually("both connections are open") { store.traffic.connections.value == 2 }
            server.stop()
            async let silent: Void = { _ = try? await store.session(Self.key, within: ample) }()
            try await eventually("it is in flight") { store.traffic.pending.value == 1 }
            #expect(store.traffic.waiting.value == 0)
            server.resume()
            await silent
            #expect(store.traffic.pending.value == 0)
        }
        let nobody = try RedisServer.stopped()
        var patient = configuration(nobody)
        patient.reconnectWait = ample
        try await withStore(patient) { store in
            async let waiting: Void = { _ = try? await store.session(Self.key, within: .seconds(1)) }()
            try await eventually("it waits for a connection") { store.traffic.waiting.value == 1 }
            #expect(store.traffic.pending.value == 1 && store.traffic.connections.value == 0)
            await waiting
            #expect(store.traffic.waiting.value == 0 && store.traffic.pending.value == 0)
        }
    }
}
