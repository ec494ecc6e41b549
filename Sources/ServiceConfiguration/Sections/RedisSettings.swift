package import TokenExchange

/// The Redis servers that keep the sessions, and how to reach them.
package struct RedisSettings: Sendable, Equatable {
    package let url: RedisURL
    /// Of an access control list; nil for the server's default user.
    package let username: String?
    package let password: Secret?
    /// Nil for connections in clear.
    package let tls: RedisTLSSettings?
    /// How to log in at the sentinels themselves.
    package let sentinel: RedisSentinelSettings
    /// How long an optional provider's login waits for a reply.
    package let commandTimeout: Duration
    /// From the first packet to the end of the greeting.
    package let connectTimeout: Duration
    /// How long requests wait for a server that has just gone.
    package let reconnectWait: Duration
    /// Stands before every key, with a colon after it.
    package let keyPrefix: String
    /// Commands that one connection may have in flight.
    package let maximumInFlight: Int
    /// How many replicas must have an exchange before it is acknowledged; 0 for none.
    package let waitReplicas: Int
    /// Connections for each event loop on which exchanges wait for replicas.
    package let waitConnections: Int
    /// The most that an exchange waits for them.
    package let waitTimeout: Duration
}

/// Absolute paths of PEM files that could be read.
package struct RedisTLSSettings: Sendable, Equatable {
    /// Nil for the system's roots.
    package let certificateAuthorityFile: String?
    package let clientCertificate: TLSFiles?
    /// The name that the servers' certificates must hold; nil for the host that is connected to.
    package let serverName: String?
}

/// How to log in at the sentinels, who may have other users than the servers.
package struct RedisSentinelSettings: Sendable, Equatable {
    package let username: String?
    package let password: Secret?
}

extension RedisSettings {
    /// - Parameter isUsed: whether the password must be there; a section that is not used yet need not have it.
    static func read(_ section: MappingReader, isUsed: Bool) -> RedisSettings? {
        let secret = { (reader: NodeReader) in isUsed ? reader.secret() : reader.unusedSecret() }
        let url = section.required("url") { $0.redisURL() }
        let username = section.optional("username") { reader in
            reader.string().flatMap { reader.onlyUsername($0, url: url) }
        }
        let password = section.optional("password", secret)
        let tls = section.optional("tls") { reader in
            reader.mapping(RedisTLSSettings.read).flatMap { reader.onlyWithTLS($0, url: url) }
        }
        let sentinel = section.optional("sentinel") { reader in
            reader.mapping { RedisSentinelSettings.read($0, secret) }.flatMap { reader.onlyWithSentinels($0, url: url) }
        }
        let commandTimeout = section.value("command_timeout", default: .milliseconds(250)) {
            $0.duration(in: .milliseconds(10)...(.seconds(10)))
        }
        let connectTimeout = section.value("connect_timeout", default: .milliseconds(500)) {
            $0.duration(in: .milliseconds(10)...(.seconds(10)))
        }
        let reconnectWait = section.value("reconnect_wait", default: .milliseconds(1500)) {
            $0.duration(in: .zero...(.seconds(60)))
        }
        let keyPrefix = section.value("key_prefix", default: "countersign") { $0.keyPrefix() }
        let maximumInFlight = section.value("maximum_in_flight", default: 4096) { $0.integer(in: 1...65_536) }
        let waitReplicas = section.value("wait_replicas", default: 0) { $0.integer(in: 0...10) }
        let waitConnections = section.value("wait_connections", default: 16) { $0.integer(in: 1...256) }
        let waitTimeout = section.value("wait_timeout", default: .seconds(1)) {
            $0.duration(in: .milliseconds(200)...(.seconds(10)))
        }
        guard let url else { return nil }
        return RedisSettings(
            url: url, username: username ?? url.username, password: password,
            tls: url.isTLS ? tls ?? RedisTLSSettings() : nil,
            sentinel: sentinel ?? RedisSentinelSettings(username: nil, password: nil), commandTimeout: commandTimeout,
            connectTimeout: connectTimeout, reconnectWait: reconnectWait, keyPrefix: keyPrefix,
            maximumInFlight: maximumInFlight, waitReplicas: waitReplicas, waitConnections: waitConnections,
            waitTimeout: waitTimeout)
    }
}

extension RedisTLSSettings {
    /// The system's roots, and no certificate of our own.
    fileprivate init() {
        self.init(certificateAuthorityFile: nil, clientCertificate: nil, serverName: nil)
    }

    fileprivate static func read(_ section: MappingReader) -> Self? {
        let certificateAuthorityFile = section.optional("ca_file") { $0.file() }
        let clientCertificate = section.optional("client_certificate") { $0.mapping(TLSFiles.read) }
        let serverName = section.optional("server_name") { $0.hostName() }
        return Self(
            certificateAuthorityFile: certificateAuthorityFile, clientCertificate: clientCertificate,
            serverName: serverName)
    }
}

extension RedisSentinelSettings {
    fileprivate static func read(_ section: MappingReader, _ secret: (NodeReader) -> Secret?) -> Self? {
        Self(username: section.optional("username") { $0.string() }, password: section.optional("password", secret))
    }
}

extension NodeReader {
    fileprivate func onlyUsername(_ name: String, url: RedisURL?) -> String? {
        guard url?.username != nil else { return name }
        report(expected: "one user name", found: "another in `url`", remedy: "Remove one of the two.")
        return nil
    }

    fileprivate func onlyWithTLS(_ settings: RedisTLSSettings, url: RedisURL?) -> RedisTLSSettings? {
        guard let url, !url.isTLS else { return settings }
        report(
            expected: "no such key with a `url` without TLS",
            remedy: "Begin the URL with rediss, rediss-sentinel or rediss-cluster, or remove the key.")
        return nil
    }

    fileprivate func onlyWithSentinels(_ settings: RedisSentinelSettings, url: RedisURL?) -> RedisSentinelSettings? {
        guard let url else { return settings }
        if case .sentinel = url.servers { return settings }
        report(
            expected: "no such key with a `url` that names no sentinels",
            remedy: "Write `username` and `password` of the server beside `url`.")
        return nil
    }

    /// Braces are left out on purpose: Redis Cluster gives them a meaning.
    fileprivate func keyPrefix() -> String? {
        let what = "1 to 64 letters, digits, `-`, `_`, `.` and `:`"
        guard let prefix = string(what) else { return nil }
        guard prefix.utf8.count <= 64, prefix.utf8.allSatisfy({ $0.isASCIIWordByte || "-.:".utf8.contains($0) }) else {
            report(expected: what)
            return nil
        }
        return prefix
    }
}
