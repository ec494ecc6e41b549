import Foundation

/// A real Redis Cluster on loopback: masters that share the slots evenly, and replicas of them.
package final class RedisCluster: Sendable {
    package static let slotCount = 16_384

    package let masters: [RedisServer]
    /// One for each master, in the same order, or none.
    package let replicas: [RedisServer]
    /// Holds what the servers remember of the cluster.
    private let folder: TemporaryFolder

    private init(masters: [RedisServer], replicas: [RedisServer], folder: TemporaryFolder) {
        self.masters = masters
        self.replicas = replicas
        self.folder = folder
    }

    /// Returns once all members agree that all slots are served.
    package static func start(masters count: Int = 3, withReplicas: Bool = false) async throws -> RedisCluster {
        let folder = TemporaryFolder()
        var servers: [RedisServer] = []
        for index in 0..<(withReplicas ? count * 2 : count) {
            servers.append(
                try await RedisServer.start(arguments: [
                    "--cluster-enabled", "yes", "--cluster-config-file", "\(folder.path)/\(index).conf",
                    "--cluster-port", String(freeLoopbackPort()), "--cluster-node-timeout", "1000",
                    "--cluster-replica-validity-factor", "0",
                ]))
        }
        let cluster = RedisCluster(
            masters: Array(servers.prefix(count)), replicas: Array(servers.dropFirst(count)), folder: folder)
        try await cluster.join()
        return cluster
    }

    package var servers: [RedisServer] { masters + replicas }

    /// Moves a slot and its keys while the servers serve.
    /// - Parameter halfway: called when both servers know of the move, and no key has been moved yet.
    package func move(
        _ slot: Int, from source: RedisServer, to target: RedisServer, halfway: () async throws -> Void = {}
    ) async throws {
        try await move([slot], from: source, to: target, halfway: halfway)
    }

    package func move(
        _ slots: [Int], from source: RedisServer, to target: RedisServer, halfway: () async throws -> Void = {}
    ) async throws {
        let (sourceID, targetID) = (try Self.identifier(of: source), try Self.identifier(of: target))
        let (from, to) = (try source.connect(), try target.connect())
        let all = try [to, from] + masters.filter { $0 !== source && $0 !== target }.map { try $0.connect() }
        for slot in slots {
            try to.expectOK("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
            try from.expectOK("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
        }
        try await halfway()
        for slot in slots {
            while case .array(let keys) = try from.send("CLUSTER", "GETKEYSINSLOT", "\(slot)", "100"), !keys.isEmpty {
                for case .bulk(let name) in keys {
                    let key = String(decoding: name, as: UTF8.self)
                    try from.send("MIGRATE", "127.0.0.1", "\(target.port)", key, "0", "1000")
                }
            }
            for server in all { try server.expectOK("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID) }
            await Task.yield()
        }
    }

    /// Those that a master serves, by its own map.
    package func slots(of master: RedisServer) throws -> [Int] {
        guard case .array(let ranges) = try master.command("CLUSTER", "SLOTS") else { return [] }
        return ranges.flatMap { range -> [Int] in
            guard case .array(let parts) = range, case .integer(let first) = parts[0],
                case .integer(let last) = parts[1], case .array(let server) = parts[2],
                case .integer(let port) = server[1], port == master.port
            else { return [] }
            return Array(first...last)
        }
    }

    /// The master that serves a slot, by the first member's map.
    package func master(of slot: Int) throws -> RedisServer {
        guard case .array(let ranges) = try masters[0].command("CLUSTER", "SLOTS") else { return masters[0] }
        for range in ranges {
            guard case .array(let parts) = range, case .integer(let first) = parts[0],
                case .integer(let last) = parts[1], (first...last).contains(slot),
                case .array(let master) = parts[2], case .integer(let port) = master[1],
                let server = servers.first(where: { $0.port == port })
            else { continue }
            return server
        }
        throw ProgramFailure(description: "slot \(slot) is not served")
    }

    package func slot(of key: String) throws -> Int {
        guard case .integer(let slot) = try masters[0].command("CLUSTER", "KEYSLOT", key) else {
            throw ProgramFailure(description: "no slot for a key")
        }
        return slot
    }

    // MARK: Joining

    private func join() async throws {
        for (index, master) in masters.enumerated() {
            let first = index * Self.slotCount / masters.count
            let last = (index + 1) * Self.slotCount / masters.count - 1
            try master.expectOK("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(last)")
            try master.expectOK("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
        }
        for server in servers.dropFirst() {
            try server.expectOK("CLUSTER", "MEET", "127.0.0.1", "\(masters[0].port)", "\(try busPort(of: masters[0]))")
        }
        try await agree()
        for (replica, master) in zip(replicas, masters) {
            try replica.expectOK("CLUSTER", "REPLICATE", try Self.identifier(of: master))
        }
        guard !replicas.isEmpty else { return }
        try await eventually("all replicas are known and in step", within: .seconds(20)) {
            try masters.allSatisfy { try $0.information("replication").contains("state=online") }
                && servers.allSatisfy { try $0.text("CLUSTER", "NODES").ranges(of: "slave ").count == replicas.count }
        }
    }

    package func agree() async throws {
        try await eventually("the cluster is complete", within: .seconds(20)) {
            try servers.allSatisfy {
                let state = try $0.text("CLUSTER", "INFO")
                return state.contains("cluster_state:ok") && state.contains("cluster_known_nodes:\(servers.count)")
            }
        }
    }

    private func busPort(of server: RedisServer) throws -> Int {
        // "<id> 127.0.0.1:<port>@<bus port> myself,master …"
        let node = try server.text("CLUSTER", "NODES").split(separator: "\n").first { $0.contains("myself") } ?? ""
        return node.split(separator: "@").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
    }

    private static func identifier(of server: RedisServer) throws -> String { try server.text("CLUSTER", "MYID") }
}

extension RedisServer {
    /// The reply to a command that answers with a bulk string.
    package func text(_ words: String...) throws -> String {
        guard case .bulk(let bytes) = try connect().send(words.map { Array($0.utf8) }) else {
            throw ProgramFailure(description: "no text in reply to \(words[0])")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    package func information(_ section: String) throws -> String { try text("INFO", section) }

    func expectOK(_ words: String...) throws { try connect().expectOK(words) }
}

extension RawRedisConnection {
    func expectOK(_ words: String...) throws { try expectOK(words) }

    fileprivate func expectOK(_ words: [String]) throws {
        let reply = try send(words.map { Array($0.utf8) })
        guard reply == .status("OK") else { throw ProgramFailure(description: "\(words): \(reply)") }
    }
}
