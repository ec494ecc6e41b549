import NIOSSL
import RedisSessions
import ServiceConfiguration
import TokenExchange

extension RedisConfiguration {
    /// - Parameter time: certificates are looked at by it, whenever they are read.
    init(_ settings: RedisSettings, places: ConfigurationPlaces, time: TimeSource) {
        self.init(Topology(settings.url.servers))
        database = settings.url.database
        credentials = RedisCredentials(username: settings.username) { try settings.password?.read() }
        sentinelCredentials = RedisCredentials(username: settings.sentinel.username) {
            try settings.sentinel.password?.read()
        }
        tls = settings.tls.map { RedisTLS($0, time: time) { places["sessions.redis.tls.\($0)"] } }
        commandTimeout = settings.commandTimeout
        connectTimeout = settings.connectTimeout
        reconnectWait = settings.reconnectWait
        keyPrefix = settings.keyPrefix
        maximumInFlight = settings.maximumInFlight
        if settings.waitReplicas > 0 {
            replication = RedisReplication(
                replicas: settings.waitReplicas, connections: settings.waitConnections, timeout: settings.waitTimeout)
        }
    }
}

extension RedisConfiguration.Topology {
    fileprivate init(_ servers: RedisURL.Servers) {
        switch servers {
        case .standalone(let server): self = .standalone(RedisAddress(server))
        case .sentinel(let sentinels, let service):
            self = .sentinel(sentinels.map(RedisAddress.init), service: service)
        case .cluster(let members): self = .cluster(members.map(RedisAddress.init))
        }
    }
}

extension RedisAddress {
    fileprivate init(_ address: HostPort) {
        self.init(host: address.host, port: address.port)
    }
}

// MARK: - TLS

extension RedisTLS {
    fileprivate init(
        _ settings: RedisTLSSettings, time: TimeSource, at place: @escaping @Sendable (String) -> ConfigurationPlace
    ) {
        self.init(serverName: settings.serverName) { try settings.configuration(now: time.now(), at: place).0 }
    }
}

extension RedisTLSSettings {
    /// With what an operator should know of its certificates.
    func configuration(
        now: UnixTime, at place: (String) -> ConfigurationPlace
    ) throws(StartUpError) -> (TLSConfiguration, remarks: [String]) {
        try TLSConfiguration.client(trusting: certificateAuthorityFile, own: clientCertificate, now: now, at: place)
    }
}

extension SessionSettings {
    /// What an operator should know of the certificates with which the store is reached.
    ///
    /// - Throws: what keeps them from being used.
    func certificates(
        _ places: ConfigurationPlaces, now: UnixTime
    ) throws(StartUpError) -> (expiry: CertificateExpiry?, remarks: [String]) {
        guard case .redis(let redis) = store, let tls = redis.tls else { return (nil, []) }
        let (configuration, remarks) = try tls.configuration(now: now) { places["sessions.redis.tls.\($0)"] }
        return (CertificateExpiry(.redis, configuration), remarks)
    }
}
