import Foundation

/// A master, its replicas, and three sentinels that watch over them, all real and on loopback.
package final class RedisSentinels: Sendable {
    package static let service = "countersign-master"

    /// The first is the master at the start.
    package let servers: [RedisServer]
    package let sentinels: [RedisServer]
    private let folder: TemporaryFolder

    private init(servers: [RedisServer], sentinels: [RedisServer], folder: TemporaryFolder) {
        self.servers = servers
        self.sentinels = sentinels
        self.folder = folder
    }

    /// Returns once the replicas are in step and the sentinels know of them and of one another.
    /// - Parameter patience: how long a master may be silent before it counts as down.
    package static func start(
        replicas: Int = 1, password: String? = nil, patience: Duration = .milliseconds(500)
    ) async throws -> RedisSentinels {
        let folder = TemporaryFolder()
        let master = try await RedisServer.start(password: password, arguments: Self.replication(password))
        var servers = [master]
        for _ in 0..<replicas {
            let arguments = Self.replication(password) + ["--replicaof", "127.0.0.1 \(master.port)"]
            servers.append(try await RedisServer.start(password: password, arguments: arguments))
        }
        var sentinels: [RedisServer] = []
        for index in 0..<3 {
            let file = "\(folder.path)/sentinel-\(index).conf"
            try Data(Self.configuration(of: master, password: password, patience: patience).utf8)
                .write(to: URL(filePath: file))
            sentinels.append(try await RedisServer.start(sentinel: file))
        }
        let all = RedisSentinels(servers: servers, sentinels: sentinels, folder: folder)
        try await all.agree(replicas: replicas)
        return all
    }

    /// The port of the master, as the first sentinel says.
    package func masterPort() throws -> Int {
        guard
            case .array(let parts) = try sentinels[0].command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self.service),
            parts.count == 2, case .bulk(let port) = parts[1], let port = Int(String(decoding: port, as: UTF8.self))
        else { throw ProgramFailure(description: "the sentinel names no master") }
        return port
    }

    package func master() throws -> RedisServer {
        let port = try masterPort()
        guard let server = servers.first(where: { $0.port == port }) else {
            throw ProgramFailure(description: "the master is not one of these servers")
        }
        return server
    }

    /// As an operator does; returns when another server is master.
    package func failOver() async throws {
        let former = try masterPort()
        try sentinels[0].expectOK("SENTINEL", "FAILOVER", Self.service)
        try await waitForSuccessor(of: former)
    }

    package func waitForSuccessor(of former: Int) async throws {
        try await eventually("another server is master", within: .seconds(20)) {
            let port = try masterPort()
            guard port != former, let server = servers.first(where: { $0.port == port }) else { return false }
            return try server.information("replication").contains("role:master")
        }
    }

    /// Returns when the master is replicated; sentinels make a former master a replica some seconds after its return.
    package func waitForReplica() async throws {
        try await eventually("a replica follows the master", within: .seconds(30)) {
            try master().information("replication").contains("state=online")
        }
    }

    private func agree(replicas: Int) async throws {
        try await eventually("the sentinels know one another and the replicas", within: .seconds(20)) {
            try sentinels.allSatisfy { sentinel in
                let masters = try sentinel.information("sentinel")
                return masters.contains("status=ok") && masters.contains("slaves=\(replicas),sentinels=3")
            } && servers[0].information("replication").contains("connected_slaves:\(replicas)")
                && !servers[0].information("replication").contains("state=wait")
        }
    }

    /// With persistence: a former master that comes back empty may be made master again, and all is lost.
    private static func replication(_ password: String?) -> [String] {
        ["--appendonly", "yes", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]
            + (password.map { ["--masterauth", $0] } ?? [])
    }

    private static func configuration(of master: RedisServer, password: String?, patience: Duration) -> String {
        let milliseconds = Int(patience / .milliseconds(1))
        return """
            sentinel monitor \(service) 127.0.0.1 \(master.port) 2
            sentinel down-after-milliseconds \(service) \(milliseconds)
            sentinel failover-timeout \(service) 3000
            \(password.map { "sentinel auth-pass \(service) \($0)" } ?? "")

            """
    }
}
