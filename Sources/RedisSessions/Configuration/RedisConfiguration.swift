import TokenExchange

/// Which servers keep the sessions, how to reach them, and how long to wait for them.
package struct RedisConfiguration: Sendable {
    package enum Topology: Sendable, Equatable {
        case standalone(RedisAddress)
        /// The master of `service`, as these sentinels tell.
        case sentinel([RedisAddress], service: String)
        /// All masters of the cluster that one of these belongs to.
        case cluster([RedisAddress])
    }

    package var topology: Topology
    package var database: Int
    package var credentials: RedisCredentials
    /// Of the sentinels themselves.
    package var sentinelCredentials: RedisCredentials
    /// Nil for connections in clear.
    package var tls: RedisTLS?
    /// How long somebody waits for a reply who can go on without it. Others wait as long as they have time; but a
    /// connection that is silent for so long gets another one beside it.
    package var commandTimeout: Duration
    /// From the first SYN to the last reply of the handshake.
    package var connectTimeout: Duration
    /// How long commands wait for a server that has just gone; in an outage that is older they fail at once.
    package var reconnectWait: Duration
    /// First part of every key.
    package var keyPrefix: String
    /// Commands that one connection may have in flight.
    package var maximumInFlight: Int
    /// What a write waits for.
    package var replication: RedisReplication?

    package init(
        _ topology: Topology, database: Int = 0, credentials: RedisCredentials = RedisCredentials(),
        sentinelCredentials: RedisCredentials = RedisCredentials(), tls: RedisTLS? = nil,
        commandTimeout: Duration = .milliseconds(250), connectTimeout: Duration = .milliseconds(500),
        reconnectWait: Duration = .milliseconds(1500), keyPrefix: String = "countersign", maximumInFlight: Int = 4096,
        replication: RedisReplication? = nil
    ) {
        self.topology = topology
        self.database = database
        self.credentials = credentials
        self.sentinelCredentials = sentinelCredentials
        self.tls = tls
        self.commandTimeout = commandTimeout
        self.connectTimeout = connectTimeout
        self.reconnectWait = reconnectWait
        self.keyPrefix = keyPrefix
        self.maximumInFlight = maximumInFlight
        self.replication = replication
    }
}

package struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name, or an IP address without brackets.
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// As a server tells it; nil if there can be no such address.
    init?(toldHost host: String, port: Int64) {
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            (1...65535).contains(port)
        else { return nil }
        self.init(host: host, port: Int(port))
    }

    package var description: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

package struct RedisCredentials: Sendable {
    /// Of an access control list; nil for the server's default user.
    package var username: String?
    /// Read again at every connect, so that a rotated password needs no restart; may block for as long as a file takes,
    /// on a thread that does nothing else. What it throws is shown to operators.
    package var password: @Sendable () throws -> String?

    package init(username: String? = nil, password: @escaping @Sendable () throws -> String? = { nil }) {
        self.username = username
        self.password = password
    }
}

/// A write is acknowledged once so many replicas have it.
package struct RedisReplication: Sendable {
    package let replicas: Int
    /// Waiting blocks a connection, so writes get so many for each event loop, beside the shared one.
    package let connections: Int
    /// The most that a write may wait, however large the caller's budget.
    package let timeout: Duration

    package init(replicas: Int, connections: Int, timeout: Duration = .seconds(1)) {
        self.replicas = replicas
        self.timeout = timeout
        self.connections = connections
    }
}

package struct RedisPassword: Sendable, Redacted {
    package let text: String
}
