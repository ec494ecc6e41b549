package import Logging
package import NIOCore
import ServiceLifecycle
package import TokenExchange

/// The session store in one Redis (7.0 or later), shared by all replicas of the service.
///
/// The way of a command: the store words it (``SessionKeyspace``, ``InsertionScript``), ``RedisClient`` picks the
/// connection of the caller's event loop, ``ReconnectingConnection`` has that connection open or knows why not,
/// ``RedisChannelHandler`` carries bytes and timers, ``RedisConnectionStateMachine`` decides whose reply is whose. hiredis
/// is the codec alone (folder `Hiredis`) and does no I/O.
///
/// The server keeps digests and sealed bytes, each with a time to live, so nothing is ever swept. A command is sent once
/// and never again on another connection; the exception is a script that the server has forgotten. A command whose time
/// runs out may still take effect.
///
/// A user of the server's access control needs `AUTH`, `SELECT`, `CLIENT SETNAME`, `SCRIPT LOAD`, `EVAL`, `EVALSHA`, `GET`,
/// `SET`, `DEL`, `EXISTS` and `PING`.
package struct RedisSessionStore: Sendable {
    private let client: RedisClient
    private let keyspace: SessionKeyspace
    private let time: TimeSource

    /// Connects once ``run()`` is called, with one connection for each event loop of `eventLoopGroup`.
    package init(
        _ configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, time: TimeSource, logger: Logger
    ) {
        self.client = RedisClient(
            configuration, script: InsertionScript.text, eventLoopGroup: eventLoopGroup, logger: logger)
        self.keyspace = SessionKeyspace(prefix: configuration.keyPrefix)
        self.time = time
    }
}

extension RedisSessionStore: Service {
    /// Returns after graceful shutdown (or cancellation), when what was in flight is finished and the connections closed.
    package func run() async {
        await client.run()
    }
}

// MARK: - The port

extension RedisSessionStore: SessionStore {
    /// A session that is over already is not stored, and the exchange counts as inserted.
    package func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        guard let arguments = insertionArguments(records, replacing: unreadable) else { return .inserted }
        let end = NIODeadline.now() + TimeAmount(budget)
        var outcome = await client.execute(RedisCommand(opening: .loadedScript, arguments: arguments), until: end)
        if outcome == .reply(.error(code: "NOSCRIPT")) {
            // EVAL also gives the script back to the server, under the digest that the connections know.
            outcome = await client.execute(RedisCommand(opening: Self.evaluate, arguments: arguments), until: end)
        }
        switch try reply(outcome, to: .insertIfAbsent) {
        case .null: return .inserted
        case .bulk(let answer): return .answered(SealedRecord(bytes: answer))
        default: throw SessionStoreFailure(.insertIfAbsent, .unexpectedReply)
        }
    }

    /// A session that is over already is not stored.
    package func insert(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {
        guard let life = SessionKeyspace.sessionLife(until: session.expiresAt, now: time.now()) else { return }
        var arguments = RESPArguments(reservingBytes: session.record.bytes.count + 128, arguments: 4)
        keyspace.appendSession(session.key, to: &arguments)
        arguments.append(session.record.bytes)
        arguments.append("EX".utf8)
        arguments.append(String(life).utf8)
        let reply = try await execute(.insert, Self.set, arguments, within: budget)
        guard reply == .status("OK") else { throw SessionStoreFailure(.insert, .unexpectedReply) }
    }

    package func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? {
        var arguments = RESPArguments(reservingBytes: 128, arguments: 1)
        keyspace.appendSession(key, to: &arguments)
        switch try await execute(.session, Self.get, arguments, within: budget) {
        case .null: return nil
        case .bulk(let record): return SealedRecord(bytes: record)
        default: throw SessionStoreFailure(.session, .unexpectedReply)
        }
    }

    package func check(within budget: Duration) async throws(SessionStoreFailure) {
        let reply = try await execute(.check, Self.ping, RESPArguments(), within: budget)
        guard reply == .status("PONG") else { throw SessionStoreFailure(.check, .unexpectedReply) }
    }
}

// MARK: - Commands and replies

extension RedisSessionStore {
    private static let evaluate = RedisCommand.Opening.words(RESPArguments("EVAL", InsertionScript.text))
    private static let get = RedisCommand.Opening.words(RESPArguments("GET"))
    private static let set = RedisCommand.Opening.words(RESPArguments("SET"))
    private static let ping = RedisCommand.Opening.words(RESPArguments("PING"))

    /// What follows the script in ``InsertionScript``'s order; nil where the session is over already.
    private func insertionArguments(_ records: ExchangeRecords, replacing unreadable: SealedRecord?) -> RESPArguments? {
        let session = records.session
        let now = time.now()
        guard let sessionLife = SessionKeyspace.sessionLife(until: session.expiresAt, now: now) else { return nil }
        let size = session.record.bytes.count + records.answer.bytes.count + (unreadable?.bytes.count ?? 0) + 320
        var arguments = RESPArguments(reservingBytes: size, arguments: 8)
        arguments.append("2".utf8)
        keyspace.appendAnswer(records.answerKey, to: &arguments)
        keyspace.appendSession(session.key, to: &arguments)
        arguments.append(session.record.bytes)
        arguments.append(String(sessionLife).utf8)
        arguments.appendArgument { bytes in
            Base64URL.append(session.key.digest, to: &bytes)
            bytes.append(contentsOf: records.answer.bytes)
        }
        arguments.append(String(SessionKeyspace.answerLife(until: records.answerExpiresAt, now: now)).utf8)
        arguments.append(unreadable?.bytes ?? [])
        return arguments
    }

    private func execute(
        _ operation: SessionStoreFailure.Operation, _ opening: RedisCommand.Opening, _ arguments: RESPArguments,
        within budget: Duration
    ) async throws(SessionStoreFailure) -> RESPReply {
        let end = NIODeadline.now() + TimeAmount(budget)
        let command = RedisCommand(opening: opening, arguments: arguments)
        return try reply(await client.execute(command, until: end), to: operation)
    }

    private func reply(_ outcome: RedisOutcome, to operation: SessionStoreFailure.Operation)
        throws(SessionStoreFailure) -> RESPReply
    {
        switch outcome {
        case .reply(.error(let code)): throw SessionStoreFailure(operation, .refused(code: code))
        case .reply(let reply): return reply
        case .failure(let cause): throw SessionStoreFailure(operation, cause)
        }
    }
}
