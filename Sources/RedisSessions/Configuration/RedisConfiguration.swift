import TokenExchange

/// Which servers keep the sessions, how to reach them, and how long to wait for them.
package struct RedisConfiguration: Sendable {
    /// How the servers that keep records are found.
    package enum Topology: Sendable, Equatable {
        case standalone(RedisAddress)
        /// The master of `service`, as these sentinels tell.
        case sentinel([RedisAddress], service: String)
        /// All masters of the cluster that one of these belongs to.
        case cluster([RedisAddress])
    }

    /// Where the servers are.
    package var topology: Topology
    /// 0 in a cluster.
    package var database = 0
    /// For the servers that keep records.
    package var credentials = RedisCredentials()
    /// Of the sentinels themselves.
    package var sentinelCredentials = RedisCredentials()
    /// Nil for connections in clear.
    package var tls: RedisTLS?
    /// How long a caller waits that can go on without a reply. Others wait as long as they have time. A connection that
    /// stays silent for this long gets another one beside it.
    package var commandTimeout = Duration.milliseconds(250)
    /// From the first SYN to the last reply of the handshake.
    package var connectTimeout = Duration.milliseconds(500)
    /// How long commands wait for a server that has just gone; in an outage that is older they fail at once.
    package var reconnectWait = Duration.milliseconds(1500)
    /// First part of every key.
    package var keyPrefix = "countersign"
    /// Commands that one connection may have in flight.
    package var maximumInFlight = 4096
    /// What a write waits for.
    package var replication: RedisReplication?
    /// Counts what all connections made with this configuration do.
    package let traffic = RedisTraffic()

    /// With the defaults of the configuration file.
    package init(_ topology: Topology) {
        self.topology = topology
    }
}

/// Where one server listens.
package struct RedisAddress: Sendable, Hashable, CustomStringConvertible {
    /// A name, or an IP address without brackets.
    package let host: String
    package let port: Int

    /// Not checked; what servers tell is, by ``init(toldHost:port:)``.
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

/// How to log in at a server.
package struct RedisCredentials: Sendable {
    /// Of an access control list; nil for the server's default user.
    package var username: String?
    /// Read again at every connect, so that a rotated password needs no restart; may block for as long as a file takes,
    /// on a thread that does nothing else. What it throws is shown to operators.
    package var password: @Sendable () throws -> String?

    /// By default there is nothing to log in with.
    package init(username: String? = nil, password: @escaping @Sendable () throws -> String? = { nil }) {
        self.username = username
        self.password = password
    }
}

/// How many replicas must have a write before it is acknowledged, and how they are waited for.
package struct RedisReplication: Sendable {
    package let replicas: Int
    /// Connections for writes on each event loop, beside the shared one: waiting blocks a connection.
    package let connections: Int
    /// The most that a write may wait, however large the caller's budget.
    package let timeout: Duration

    /// `replicas` is at least 1.
    package init(replicas: Int, connections: Int, timeout: Duration = .seconds(1)) {
        self.replicas = replicas
        self.timeout = timeout
        self.connections = connections
    }
}

/// Never shown by logs or dumps.
package struct RedisPassword: Sendable, Redacted {
    package let text: String
}
