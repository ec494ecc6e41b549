import Logging
import NIOPosix
import RedisSessions
import ServiceConfiguration
import ServiceLifecycle
import TokenExchange

/// The session store that a configuration asks for, and what has to run for it.
struct StoreAssembly {
    let store: any SessionStore
    let service: (any Service)?

    init(_ settings: SessionSettings, time: TimeSource, logger: Logger) {
        switch settings.store {
        case .memory(let limits):
            store = InMemorySessionStore(limit: limits.entries, time: time)
            service = nil
        case .redis(let settings):
            let redis = RedisSessionStore(
                RedisConfiguration(settings), eventLoopGroup: MultiThreadedEventLoopGroup.singleton, time: time,
                logger: logger)
            store = redis
            service = redis
        }
    }
}

extension RedisConfiguration {
    fileprivate init(_ settings: RedisSettings) {
        self.init(
            host: settings.address.host, port: settings.address.port, database: settings.database,
            username: settings.username,
            password: { try settings.password?.read() }, commandTimeout: settings.commandTimeout,
            keyPrefix: settings.keyPrefix)
    }
}
