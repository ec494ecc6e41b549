import Logging
import NIOCore
import NIOPosix
import NIOSSL
import RedisSessions
import ServiceConfiguration
import ServiceLifecycle
import TokenExchange

/// The session store that a configuration asks for, and what has to run for it.
struct StoreAssembly {
    let store: any SessionStore
    /// As lasting and as shared as the store.
    let records: any SharedRecords
    let service: (any Service)?

    init(_ settings: SessionSettings, time: TimeSource, logger: Logger) {
        switch settings.store {
        case .memory(let limits):
            store = InMemorySessionStore(limit: limits.entries, time: time)
            records = InMemorySharedRecords(time: time)
            service = nil
        case .redis(let settings):
            let redis = RedisSessionStore(
                RedisConfiguration(settings), eventLoopGroup: MultiThreadedEventLoopGroup.singleton, time: time,
                logger: logger)
            store = redis
            records = redis
            service = redis
        }
    }
}

extension DeferredSessions.Limits {
    init(_ settings: SessionSettings.DeferredLimits) {
        self.init(entries: settings.entries, bytes: settings.bytes)
    }
}

extension RedisConfiguration {
    fileprivate init(_ settings: RedisSettings) {
        self.init(
            Topology(settings.url.servers), database: settings.url.database,
            credentials: RedisCredentials(username: settings.username) { try settings.password?.read() },
            sentinelCredentials: RedisCredentials(username: settings.sentinel.username) {
                try settings.sentinel.password?.read()
            },
            tls: settings.tls.map(RedisTLS.init), commandTimeout: settings.commandTimeout,
            connectTimeout: settings.connectTimeout, keyPrefix: settings.keyPrefix,
            maximumInFlight: settings.maximumInFlight,
            replication: settings.waitReplicas == 0
                ? nil
                : RedisReplication(
                    replicas: settings.waitReplicas, connections: settings.waitConnections,
                    timeout: settings.waitTimeout))
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

extension SessionSettings {
    /// What keeps the files of the store from being used; nil for nothing.
    var fileProblem: String? {
        guard case .redis(let redis) = store, let tls = redis.tls else { return nil }
        do {
            _ = try RedisTLS(tls).context()
            return nil
        } catch {
            return "sessions.redis.tls: expected certificates and, for a client certificate, its private key in PEM, "
                + "found files that do not hold them, or not such as belong together"
        }
    }
}

extension RedisTLS {
    /// A server that hangs must not keep its connection from being replaced.
    private static let goodbyeTimeout = TimeAmount.milliseconds(100)

    fileprivate init(_ settings: RedisTLSSettings) {
        self.init(serverName: settings.serverName) { try Self.context(settings) }
    }

    private static func context(_ settings: RedisTLSSettings) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = goodbyeTimeout
        if let file = settings.certificateAuthorityFile {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
        }
        if let files = settings.clientCertificate {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(files.certificateChain)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: files.privateKey, format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
