package import Logging
package import NIOCore
import ServiceLifecycle
package import TokenExchange

/// The session store in Redis (7.0 or later), shared by all replicas of the service.
///
/// The way of a command: the store words it (``SessionKeyspace``, ``ExchangeScript``), the ``RedisTopology`` knows the
/// server, ``RedisNode`` picks the connection of the caller's event loop, ``ReconnectingConnection`` has that connection
/// open or knows why not, ``RedisChannelHandler`` carries bytes and timers, ``RedisConnectionStateMachine`` decides whose
/// reply is whose. hiredis is the codec alone (folder `Hiredis`) and does no I/O.
///
/// The server keeps digests and sealed bytes, each with a time to live, so nothing is ever swept. A command is sent once
/// and never again; the exceptions are what the server says it has not executed: a script that it has forgotten, a slot
/// that has moved. A command whose time runs out may still take effect.
///
/// A user of the server's access control needs `AUTH`, `SELECT`, `CLIENT SETNAME`, `ROLE`, `SCRIPT LOAD`, `EVAL`,
/// `EVALSHA`, `GET`, `SET`, `DEL`, `HGET`, `HGETALL`, `HSET`, `HDEL`, `TTL` and `EXPIRE`; in a cluster `PING`,
/// `CLUSTER SLOTS` and `ASKING` too, and `WAIT` where replicas are waited for.
package struct RedisSessionStore: Sendable {
    let topology: any RedisTopology
    let keyspace: SessionKeyspace
    private let replication: RedisReplication?
    let time: TimeSource

    /// Connects once ``run()`` is called, with one connection to each server for each event loop of `eventLoopGroup`.
    package init(
        _ configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, time: TimeSource, logger: Logger
    ) {
        let eventLoops = Array(eventLoopGroup.makeIterator())
        topology =
            switch configuration.topology {
            case .standalone(let address):
                StandaloneTopology(
                    node: RedisNode(
                        RedisPeer(keeper: address, configuration), eventLoops: eventLoops, logger: logger))
            case .sentinel(let sentinels, let service):
                SentinelTopology(
                    configuration, sentinels: sentinels, service: service, eventLoops: eventLoops, logger: logger)
            case .cluster(let seeds):
                ClusterTopology(configuration, seeds: seeds, eventLoops: eventLoops, logger: logger)
            }
        keyspace = SessionKeyspace(prefix: configuration.keyPrefix)
        replication = configuration.replication
        self.time = time
    }
}

extension RedisSessionStore: Service {
    /// Returns after graceful shutdown (or cancellation), when what was in flight is finished and the connections closed.
    package func run() async {
        await topology.run()
    }
}

// MARK: - The port

extension RedisSessionStore: SessionStore {
    /// A session that is over already is not stored, and the exchange counts as inserted.
    package func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        guard let arguments = exchangeArguments(records, replacing: unreadable) else { return .inserted }
        let end = NIODeadline.now() + TimeAmount(budget)
        var command = RedisCommand(
            opening: .loadedScript, arguments: arguments, reply: [.null, .pair],
            slot: ClusterSlot(of: records.answerKey.partition))
        var outcome = await executeWrite(command, until: end)
        if outcome == .reply(.error(code: "NOSCRIPT")) {
            // EVAL also gives the script back to the server, under the digest that the connections know.
            command.opening = Self.evaluate
            outcome = await executeWrite(command, until: end)
        }
        switch try reply(outcome, to: .exchange) {
        case .null: return .inserted
        case .array(let parts):
            guard parts.count == 2, case .bulk(let answer) = parts[0], case .bulk(let session) = parts[1] else {
                fallthrough
            }
            return .answered(SealedRecord(bytes: answer), session: SealedRecord(bytes: session))
        default: throw SessionStoreFailure(.exchange, .unexpectedReply)
        }
    }

    /// A session that is over already is not stored.
    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {
        guard let life = SessionKeyspace.sessionLife(until: session.expiresAt, now: time.now()) else { return }
        let arguments = setArguments(session.key, session.record.bytes, life: life, condition: "NX")
        try await write(.insert, arguments, reply: [.status, .null], session.key.partition, within: budget)
    }

    package func replace(
        _ expected: SealedRecord, with session: StoredSession, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool {
        // Nothing stands in a revoked session's place.
        guard !expected.bytes.isEmpty,
            let life = SessionKeyspace.sessionLife(until: session.expiresAt, now: time.now())
        else { return false }
        let record = session.record.bytes
        var arguments = RESPArguments(reservingBytes: expected.bytes.count + record.count + 128, arguments: 4)
        keyspace.appendSession(session.key, to: &arguments)
        ReplaceScript.append(expected.bytes, record, life: .seconds(life), to: &arguments)
        let command = RedisCommand(
            opening: ReplaceScript.opening, arguments: arguments, reply: .integer,
            slot: ClusterSlot(of: session.key.partition))
        return try reply(await executeWrite(command, until: .now() + TimeAmount(budget)), to: .insert) == .integer(1)
    }

    package func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? {
        var arguments = RESPArguments(reservingBytes: 128, arguments: 1)
        keyspace.appendSession(key, to: &arguments)
        let command = RedisCommand(
            opening: Self.get, arguments: arguments, reply: [.bulk, .null], slot: ClusterSlot(of: key.partition))
        let outcome = await topology.execute(command, until: .now() + TimeAmount(budget))
        guard case .bulk(let record) = try reply(outcome, to: .session), !record.isEmpty else { return nil }
        return SealedRecord(bytes: record)
    }

    /// An empty record stands in the session's place.
    package func revoke(
        _ key: RecordKey, until end: UnixTime, within budget: Duration
    ) async throws(SessionStoreFailure) {
        guard let life = SessionKeyspace.sessionLife(until: end, now: time.now()) else { return }
        let arguments = setArguments(key, [], life: life)
        try await write(.revoke, arguments, reply: .status, key.partition, within: budget)
    }

    /// Writes to every server that keeps records, as an exchange does: one that answers may yet be full, or a replica.
    package func check(within budget: Duration) async throws(SessionStoreFailure) {
        let end = NIODeadline.now() + TimeAmount(budget)
        let outcomes = await withTaskGroup(of: RedisOutcome.self) { group in
            for tag in topology.tags { group.addTask { await executeWrite(probe(tag), until: end) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for outcome in outcomes { _ = try reply(outcome, to: .check) }
    }

    private func probe(_ tag: [UInt8]) -> RedisCommand {
        var arguments = RESPArguments(reservingBytes: 128, arguments: 4)
        keyspace.appendProbe(tag, to: &arguments)
        for word in ["", "PX", "1000"] { arguments.append(word.utf8) }
        return RedisCommand(opening: Self.set, arguments: arguments, reply: .status, slot: ClusterSlot(ofTag: tag))
    }
}

// MARK: - Revocations

extension RedisSessionStore {
    private static let revocationSlot = ClusterSlot(ofTag: SessionKeyspace.revocations)

    func writeRevocation(
        _ arguments: RESPArguments, within budget: Duration
    ) async throws(SessionStoreFailure) -> RESPReply {
        let command = RedisCommand(
            opening: .words(RESPArguments("EVAL", RevocationScript.text)), arguments: arguments, reply: .status,
            slot: Self.revocationSlot)
        return try reply(await executeWrite(command, until: .now() + TimeAmount(budget)), to: .revocations)
    }

    func readRevocations(
        _ name: String, _ field: String?, reply shape: RedisCommand.ReplyShape, until end: NIODeadline
    ) async throws(SessionStoreFailure) -> RESPReply {
        var arguments = RESPArguments(reservingBytes: 128, arguments: 2)
        keyspace.appendRevocations(to: &arguments)
        if let field { arguments.append(field.utf8) }
        let command = RedisCommand(
            opening: .words(RESPArguments(name)), arguments: arguments, reply: shape, slot: Self.revocationSlot)
        return try reply(await topology.execute(command, until: end), to: .revocations)
    }
}

// MARK: - Waiting for replicas

extension RedisSessionStore {
    /// Before the command's own end, so that the server answers in time: it looks for time-outs ten times a second (`hz`).
    private static let waitMargin = TimeAmount.milliseconds(120)

    /// A write is over once so many replicas have it as are to be waited for.
    private func executeWrite(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        guard let replication else { return await topology.execute(command, until: end) }
        let outcomes = await topology.execute(command, then: wait(for: replication, until: end), until: end)
        guard case .reply(let reply) = outcomes.first, !reply.isRefusal else { return outcomes.first }
        switch outcomes.second {
        case .reply(.integer(let count)) where count >= replication.replicas: return outcomes.first
        case .reply(.integer(let count)):
            return .failure(.notReplicated(replicas: Int(count), wanted: replication.replicas))
        default: return outcomes.second
        }
    }

    private func wait(for replication: RedisReplication, until end: NIODeadline) -> RedisCommand {
        let now = NIODeadline.now()
        let limit = min(end, now + TimeAmount(replication.timeout)) - Self.waitMargin
        // Zero would mean for ever.
        let milliseconds = max(1, (limit - now).nanoseconds / 1_000_000)
        return RedisCommand(
            opening: .words(RESPArguments("WAIT", String(replication.replicas), String(milliseconds))),
            arguments: RESPArguments(), reply: .integer)
    }
}

extension RESPReply {
    fileprivate var isRefusal: Bool {
        switch self {
        case .error, .redirection: true
        default: false
        }
    }
}

// MARK: - Commands and replies

extension RedisSessionStore {
    private static let evaluate = RedisCommand.Opening.words(RESPArguments("EVAL", ExchangeScript.text))
    private static let get = RedisCommand.Opening.words(RESPArguments("GET"))
    private static let set = RedisCommand.Opening.words(RESPArguments("SET"))

    /// What follows the script in ``ExchangeScript``'s order; nil where the session is over already.
    private func exchangeArguments(_ records: ExchangeRecords, replacing unreadable: SealedRecord?) -> RESPArguments? {
        let session = records.session
        let now = time.now()
        guard let sessionLife = SessionKeyspace.sessionLife(until: session.expiresAt, now: now) else { return nil }
        let size = session.record.bytes.count + records.answer.bytes.count + (unreadable?.bytes.count ?? 0) + 320
        var arguments = RESPArguments(reservingBytes: size, arguments: 9)
        arguments.append("1".utf8)
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
        arguments.append((replication == nil ? "0" : "1").utf8)
        return arguments
    }

    private func setArguments(
        _ key: RecordKey, _ record: [UInt8], life: Int, condition: String? = nil
    ) -> RESPArguments {
        var arguments = RESPArguments(reservingBytes: record.count + 128, arguments: 5)
        keyspace.appendSession(key, to: &arguments)
        arguments.append(record)
        arguments.append("EX".utf8)
        arguments.append(String(life).utf8)
        if let condition { arguments.append(condition.utf8) }
        return arguments
    }

    private func write(
        _ operation: SessionStoreFailure.Operation, _ arguments: RESPArguments, reply shape: RedisCommand.ReplyShape,
        _ partition: Partition, within budget: Duration
    ) async throws(SessionStoreFailure) {
        let command = RedisCommand(
            opening: Self.set, arguments: arguments, reply: shape, slot: ClusterSlot(of: partition))
        _ = try reply(await executeWrite(command, until: .now() + TimeAmount(budget)), to: operation)
    }

    func reply(_ outcome: RedisOutcome, to operation: SessionStoreFailure.Operation)
        throws(SessionStoreFailure) -> RESPReply
    {
        switch outcome {
        case .reply(.error(let code)): throw SessionStoreFailure(operation, .refused(code: code))
        case .reply(.redirection(let redirection)):
            throw SessionStoreFailure(operation, .refused(code: redirection.kind.rawValue))
        case .reply(let reply): return reply
        case .failure(let cause): throw SessionStoreFailure(operation, cause)
        }
    }
}
