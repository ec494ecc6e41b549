import TokenExchange

/// One Redis server, and how long to wait for it.
package struct RedisConfiguration: Sendable {
    package var host: String
    package var port: Int
    package var database: Int
    package var username: String?
    /// Read again at every connect, so that a rotated password needs no restart; may block for as long as a file takes.
    package var password: @Sendable () throws -> String?
    /// The most that one command may take, however large the caller's budget; a server silent for twice as long is
    /// taken for hung, and its connection replaced.
    package var commandTimeout: Duration
    /// From the first SYN to the last reply of the handshake.
    package var connectTimeout: Duration
    /// First part of every key.
    package var keyPrefix: String
    /// Commands that one connection may have in flight.
    package var maximumInFlight: Int

    package init(
        host: String, port: Int = 6379, database: Int = 0, username: String? = nil,
        password: @escaping @Sendable () throws -> String? = { nil }, commandTimeout: Duration = .milliseconds(250),
        connectTimeout: Duration = .milliseconds(500), keyPrefix: String = "countersign", maximumInFlight: Int = 4096
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.username = username
        self.password = password
        self.commandTimeout = commandTimeout
        self.connectTimeout = connectTimeout
        self.keyPrefix = keyPrefix
        self.maximumInFlight = maximumInFlight
    }

    var address: String { "\(host):\(port)" }
}

struct RedisPassword: Sendable, Redacted {
    let text: String
}
