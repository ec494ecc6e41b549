import Logging
import NIOCore
import NIOPosix
import RedisSessions
import Synchronization
import TestSupport
import Testing
import TokenExchange

/// Runs a store for the length of `body`, on its own event loops.
func withStore(
    _ configuration: RedisConfiguration, threads: Int = 2, logger: Logger = quiet,
    _ body: (RedisSessionStore) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    let store = RedisSessionStore(configuration, eventLoopGroup: group, time: clock.time, logger: logger)
    let running = Task { await store.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(store)) } catch { result = .failure(error) }
    running.cancel()
    await running.value
    try await group.shutdownGracefully()
    try result.get()
}

/// Patient, so that a slow machine fails no test that is not about time; `commandTimeout` is for those that are.
func configuration(
    _ server: RedisServer, password: @escaping @Sendable () throws -> String? = { nil },
    commandTimeout: Duration = ample, maximumInFlight: Int = 4096
) -> RedisConfiguration {
    var configuration = configuration(port: server.port, commandTimeout: commandTimeout)
    configuration.credentials = RedisCredentials(password: password)
    configuration.maximumInFlight = maximumInFlight
    return configuration
}

func configuration(port: Int, tls: RedisTLS? = nil, commandTimeout: Duration = ample) -> RedisConfiguration {
    var configuration = configuration(.standalone(loopback(port)), commandTimeout: commandTimeout)
    configuration.tls = tls
    return configuration
}

func configuration(
    _ topology: RedisConfiguration.Topology, commandTimeout: Duration = ample
) -> RedisConfiguration {
    var configuration = RedisConfiguration(topology)
    configuration.commandTimeout = commandTimeout
    configuration.connectTimeout = commandTimeout * 2
    configuration.reconnectWait = .milliseconds(200)
    return configuration
}

func loopback(_ port: Int) -> RedisAddress { RedisAddress(host: "127.0.0.1", port: port) }

/// Records live by this clock in the store and by Redis' own in Redis; it stands still.
let clock = ManualClock()

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

let ample = Duration.seconds(5)

/// All in one partition, as the records of one exchange are.
func key(_ byte: UInt8) -> RecordKey { RecordKey(digest: [UInt8](repeating: byte, count: 32), in: partition) }

let partition = Partition(digest: [0, 0, 0])

/// Of a session's or an answer's record in Redis.
func redisKey(_ kind: String, _ byte: UInt8, prefix: String = "countersign") -> String {
    redisKey(kind, key(byte), prefix: prefix)
}

func redisKey(_ kind: String, _ key: RecordKey, prefix: String = "countersign") -> String {
    let partition = String(decoding: key.partition.label, as: UTF8.self)
    return "\(prefix):{\(partition)}:\(kind):\(Base64URL.text(key.digest))"
}

/// The base64url of `key(byte)`, as Redis sees it.
func name(_ byte: UInt8) -> String { String(Base64URL.text(key(byte).digest)) }

func records(
    session: UInt8, answer: UInt8, sessionLife: Duration = .seconds(100), answerLife: Duration = .seconds(50)
) -> ExchangeRecords {
    ExchangeRecords(
        session: StoredSession(
            key: key(session), record: SealedRecord(bytes: [session, 1, 2]), expiresAt: clock.now + sessionLife),
        answerKey: key(answer), answer: SealedRecord(bytes: [session, answer, 3]),
        answerExpiresAt: clock.now + answerLife)
}

/// The failure that `operation` ends with; nil if it succeeds.
func cause(_ operation: () async throws -> Void) async throws -> SessionStoreFailure.Cause? {
    do {
        try await operation()
        return nil
    } catch let failure as SessionStoreFailure {
        return failure.cause
    }
}

func expect(
    _ cause: SessionStoreFailure.Cause, _ at: SourceLocation = #_sourceLocation, of operation: () async throws -> Void
)
    async throws
{
    let failure = try await RedisSessionsTests.cause(operation)
    #expect(failure == cause, sourceLocation: at)
}

func expect(
    _ insertion: ExchangeInsertion, from records: ExchangeRecords, in store: RedisSessionStore,
    _ at: SourceLocation = #_sourceLocation
) async throws {
    let outcome = try await store.insertIfAbsent(records, replacing: nil, within: ample)
    #expect(outcome == insertion, sourceLocation: at)
}

/// What a list of revocations has told.
final class Events: Sendable {
    private let events = Mutex<[RevocationEvent]>([])

    var all: [RevocationEvent] { events.withLock { $0 } }

    func note(_ event: RevocationEvent) { events.withLock { $0.append(event) } }
}
