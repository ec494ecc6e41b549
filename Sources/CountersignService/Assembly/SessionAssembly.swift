import JOSE
import Logging
import NIOPosix
import RedisSessions
import ServiceConfiguration
import ServiceLifecycle
import TokenExchange

/// Everything about sessions that outlives a reload: the store, the sessions that wait to be written, and what is
/// revoked.
struct SessionAssembly: Sendable {
    let store: any SessionStore
    /// Shared and kept in the same way as the store.
    let records: any SharedRecords
    let vault: SessionVault
    let revocations: RevocationList
    let deferredSessions: DeferredSessions
    let unreadableRecords: UnreadableRecords
    /// Whether other processes see what this one stores.
    let isShared: Bool
    private let connections: (any Service)?
    private let logger: Logger

    /// Connects to nothing before its ``services`` run.
    init(_ configuration: Configuration, time: TimeSource, logger: Logger) {
        let settings = configuration.sessions
        let unreadableRecords = UnreadableRecords { kind in
            logger.warning(
                "a session record cannot be read and counts as absent; logged once for each kind",
                metadata: ["kind": .string(kind.rawValue)])
        }
        let vault = SessionVault(sealer: OpenSSLRecordSealer(), unreadable: unreadableRecords)
        switch settings.store {
        case .memory(let limits):
            let memory = InMemorySessionStore(limit: limits.entries, time: time)
            store = memory
            records = InMemorySharedRecords(time: time)
            // Only this process revokes, so its list is never old.
            revocations = RevocationList(store: memory, vault: vault, time: time, maximumAge: nil)
            connections = nil
        case .redis(let settings):
            let redis = RedisSessionStore(
                RedisConfiguration(settings, places: configuration.places, time: time),
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, time: time, logger: logger)
            store = redis
            records = redis
            revocations = RevocationList(store: redis, vault: vault, time: time) { $0.log(to: logger) }
            connections = redis
        }
        isShared = connections != nil
        deferredSessions = DeferredSessions(
            limits: DeferredSessions.Limits(settings.deferred), store: store, time: time
        ) { try await Task.sleep(for: $0) }
        self.vault = vault
        self.unreadableRecords = unreadableRecords
        self.logger = logger
    }

    /// The store, if it is Redis.
    var redis: RedisSessionStore? { store as? RedisSessionStore }

    /// Must be started in this order and ended in the reverse order.
    var services: [any Service] {
        [connections].compactMap { $0 } + [
            RevocationService(revocations: revocations),
            DeferredSessionsService(deferredSessions: deferredSessions, logger: logger),
        ]
    }

    /// Runs `body` with a connection to the store, for commands.
    func connected<Result: Sendable>(_ body: () async throws -> Result) async rethrows -> Result {
        guard let connections else { return try await body() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await connections.run() }
            defer { group.cancelAll() }
            return try await body()
        }
    }
}

extension RevocationEvent {
    fileprivate func log(to logger: Logger) {
        switch self {
        case .notRead(let cause):
            logger.error(
                "revocations cannot be read; no session counts as good by a list older than 5 s",
                metadata: ["cause": "\(cause)"])
        case .readAgain: logger.notice("revocations are read again")
        case .unreadable(let count):
            logger.warning(
                "the store's list of revocations has entries that cannot be read; they are skipped",
                metadata: ["count": .stringConvertible(count)])
        case .revoked(let revocations): logger.tell(revocations)
        }
    }
}

private struct RevocationService: Service {
    let revocations: RevocationList

    func run() async {
        await cancelWhenGracefulShutdown { await revocations.run { try await Task.sleep(for: $0) } }
    }
}

private struct DeferredSessionsService: Service {
    let deferredSessions: DeferredSessions
    let logger: Logger

    /// Ends when all sessions are written, or when it is cancelled: then the rest is lost, and a store that does not
    /// answer is not waited for.
    func run() async throws {
        let (end, signal) = AsyncStream.makeStream(of: Never.self)
        let writing = Task {
            await deferredSessions.run()
            signal.finish()
        }
        await withGracefulShutdownHandler {
            for await _ in end {}
        } onGracefulShutdown: {
            deferredSessions.finish()
        }
        writing.cancel()
        let lost = deferredSessions.count
        if lost > 0 {
            logger.error(
                "sessions of optional providers were never written", metadata: ["count": .stringConvertible(lost)])
        }
    }
}

extension DeferredSessions.Limits {
    /// Those of `sessions.deferred`.
    init(_ settings: SessionSettings.DeferredLimits) {
        self.init(entries: settings.entries, bytes: settings.bytes)
    }
}
