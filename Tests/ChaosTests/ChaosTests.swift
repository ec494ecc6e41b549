import Foundation
import Logging
import NIOPosix
import RedisSessions
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// Logins run while Redis is broken in every way; afterwards the promises are counted.
///
/// * What a strict provider answered introspects active.
/// * No optional login failed, none outlasted its deadline.
/// * No caller got another's answer, and who came twice got the same.
/// * Within two seconds of the server a strict login succeeds again.
///
/// And each fault was felt, or it is one that costs no strict login.
@Suite(.serialized) struct ChaosTests {
    /// How often each fault strikes.
    static let rounds = ProcessInfo.processInfo.environment["CHAOS_ROUNDS"].flatMap { Int($0) } ?? 1

    @Test func survivesKillAndRestart() async throws {
        try await withServer { server, _ in
            server.kill()
        } mend: { server in
            try await server.restart()
        }
    }

    @Test func survivesAStandstill() async throws {
        try await withServer { server, _ in
            server.stop()
        } mend: { server in
            server.resume()
        }
    }

    @Test func survivesKilledConnections() async throws {
        try await withServer(toll: .noStrictLogin) { server, load in
            for _ in 0..<5 {
                try server.command("CLIENT", "KILL", "TYPE", "normal")
                try await load.attempts(20)
            }
        }
    }

    @Test func survivesPauses() async throws {
        try await withServer { server, load in
            try server.command("CLIENT", "PAUSE", "10000", "WRITE")
            try await load.attempts(20)
            try server.command("CLIENT", "UNPAUSE")
            // Pauses the test too.
            try server.command("CLIENT", "PAUSE", "1000", "ALL")
        } mend: { server in
            try server.command("CLIENT", "UNPAUSE")
        }
    }

    @Test func survivesFullMemory() async throws {
        try await withServer { server, _ in
            try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
            try server.command("CONFIG", "SET", "maxmemory", "1")
        } mend: { server in
            try server.command("CONFIG", "SET", "maxmemory", "0")
        }
    }

    @Test func survivesBeingMadeAReplica() async throws {
        try await withServer { server, _ in
            try server.command("REPLICAOF", "127.0.0.1", "1")
        } mend: { server in
            try server.command("REPLICAOF", "NO", "ONE")
        }
    }

    @Test func survivesARotatedPassword() async throws {
        let password = Mutex("one")
        try await withServer(
            credentials: RedisCredentials(username: "countersign") { password.withLock { $0 } }
        ) { server in
            try server.command("ACL", "SETUSER", "countersign", "on", ">one", "~*", "+@all")
        } break: { server, _ in
            try server.command("ACL", "SETUSER", "countersign", "resetpass", ">two")
            try server.command("CLIENT", "KILL", "USER", "countersign")
        } mend: { _ in
            password.withLock { $0 = "two" }
        }
    }

    @Test(arguments: NetworkFault.allCases) func survivesABadNetwork(_ fault: NetworkFault) async throws {
        let server = try await RedisServer.start()
        let proxy = try await TCPProxy.start(to: server.port)
        let configuration = RedisConfiguration(.standalone(RedisAddress(host: "127.0.0.1", port: proxy.port)))
        // A damaged record counts as absent.
        try await withLoad(
            configuration, mayMintTwice: fault == .corrupting, toll: fault == .cutShort ? .noStrictLogin : .some
        ) { load in
            for round in 0..<(3 * Self.rounds) {
                try await load.attempts(50)
                switch fault {
                case .slow: proxy.delay(.milliseconds(400))
                case .cutShort: proxy.cut(afterBytes: 50 + round)
                case .stalled: proxy.stall()
                case .corrupting: proxy.corrupt(oneByteIn: 100, seed: UInt64(round))
                }
                try await load.attempts(fault == .stalled ? 20 : 50)
                proxy.restore()
            }
        }
        try await proxy.close()
    }

    enum NetworkFault: String, CaseIterable {
        case slow, cutShort, stalled, corrupting
    }

    /// Where all replicas are waited for, nothing that was acknowledged is lost, however the master ends.
    @Test(arguments: ["by command", "by death"]) func survivesAFailover(_ how: String) async throws {
        let servers = try await RedisSentinels.start()
        var configuration = RedisConfiguration(
            .sentinel(servers.sentinels.map(RedisAddress.init), service: RedisSentinels.service))
        configuration.replication = RedisReplication(replicas: 1, connections: 8)
        try await withLoad(configuration) { load in
            try await load.attempts(100)
            let former = try servers.masterPort()
            if how == "by command" {
                try await servers.failOver()
            } else {
                let dead = try servers.master()
                dead.kill()
                try await servers.waitForSuccessor(of: former)
                try await dead.restart()
            }
            // Until somebody replicates the successor, nothing is acknowledged.
            try await servers.waitForReplica()
        }
    }

    /// Without, what the former master alone had is lost: for the second that sentinels take to notice that the successor
    /// obeys. Nothing else goes wrong.
    @Test func survivesAFailoverWithoutWaiting() async throws {
        let servers = try await RedisSentinels.start()
        let configuration = RedisConfiguration(
            .sentinel(servers.sentinels.map(RedisAddress.init), service: RedisSentinels.service))
        try await withLoad(configuration, mayLose: true, mayMintTwice: true, toll: .any) { load in
            try await load.attempts(100)
            try await servers.failOver()
        }
    }

    /// Hundreds of slots at a time, so that logins meet them at every stage: no strict login is lost to a move.
    @Test func survivesResharding() async throws {
        let cluster = try await RedisCluster.start()
        let configuration = RedisConfiguration(.cluster(cluster.servers.map(RedisAddress.init)))
        try await withLoad(configuration, mayMintTwice: true, toll: .noStrictLogin) { load in
            for round in 0..<(3 * Self.rounds) {
                let (source, target) = (cluster.masters[round % 3], cluster.masters[(round + 1) % 3])
                let slots = try cluster.slots(of: source).prefix(300)
                try await cluster.move(Array(slots), from: source, to: target) { try await load.attempts(50) }
            }
            try await load.attempts(100)
        }
    }
}

// MARK: - The course of each

extension ChaosTests {
    enum Toll {
        /// The store must have been missed, or the fault was none.
        case some
        /// Optional ones may still go on without the store.
        case noStrictLogin
        case any
    }

    /// A server that has on disk what it has acknowledged.
    private func withServer(
        credentials: RedisCredentials = RedisCredentials(), toll: Toll = .some,
        prepare: (RedisServer) throws -> Void = { _ in },
        break: (RedisServer, ChaosLoad) async throws -> Void,
        mend: (RedisServer) async throws -> Void = { _ in }
    ) async throws {
        let server = try await RedisServer.start(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try prepare(server)
        var configuration = RedisConfiguration(.standalone(RedisAddress(server)))
        configuration.credentials = credentials
        try await withLoad(configuration, toll: toll) { load in
            for _ in 0..<Self.rounds {
                try await load.attempts(100)
                try await `break`(server, load)
                try await load.attempts(40)
                try await mend(server)
            }
        }
    }

    /// - Parameters:
    ///   - mayLose: whether tokens may turn out inactive afterwards.
    ///   - mayMintTwice: whether an identity token may be answered with two tokens.
    ///   - toll: what the fault costs.
    private func withLoad(
        _ configuration: RedisConfiguration, mayLose: Bool = false, mayMintTwice: Bool = false, toll: Toll = .some,
        _ body: (ChaosLoad) async throws -> Void
    ) async throws {
        let clock = ManualClock()
        let store = RedisSessionStore(
            configuration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, time: clock.time,
            logger: Logger(label: "chaos") { _ in SwiftLogNoOpLogHandler() })
        let bench = ExchangeBench(
            rules: TenantRules(maximumAge: .zero), providers: ChaosLoad.providers, clock: clock, store: store,
            sleep: { try await Task.sleep(for: $0) })
        let running = Task { await store.run() }
        let draining = Task { await bench.deferredSessions.run() }
        let load = ChaosLoad(bench)
        try await load.run {
            try await body(load)
            let before = load.strictAnswers
            try await eventually("strict logins succeed again", within: .seconds(2)) { load.strictAnswers > before }
            try await load.attempts(50)
        }
        try await eventually("what waited is written") { load.isDrained }
        let inactive = try await load.inactive { _ in true }
        print("chaos: \(load.summary), \(inactive) inactive afterwards")
        #expect(load.problems == [])
        #expect(load.strictAnswers > 0)
        switch toll {
        case .some: #expect(load.hurt > 0)
        case .noStrictLogin: #expect(load.failures == 0)
        case .any: break
        }
        #expect(mayMintTwice || load.mintedTwice == 0)
        #expect(mayLose || inactive == 0)
        draining.cancel()
        running.cancel()
        await running.value
    }
}

extension RedisAddress {
    fileprivate init(_ server: RedisServer) {
        self.init(host: "127.0.0.1", port: server.port)
    }
}
