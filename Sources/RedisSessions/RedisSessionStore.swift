package import Logging
package import NIOCore
import ServiceLifecycle
package import TokenExchange

/// The session store in Redis (7.0 or later), shared by all replicas of the service.
///
/// The way of a command: the store makes it (``SessionKeyspace``, ``ExchangeScript``), the ``RedisTopology`` knows the
/// server, ``RedisNode`` picks the connection of the caller's event loop, ``ReconnectingConnection`` keeps that connection
/// open or knows why it is not, ``RedisChannelHandler`` carries bytes and timers, ``RedisConnectionStateMachine`` decides
/// which reply belongs to which caller. hiredis only reads replies (folder `Hiredis`) and does no I/O.
///
/// The server keeps digests and sealed bytes, each with a time to live, so nothing is ever swept. A command waits for its
/// reply as long as its caller has time. It is sent again if the server says that it has not executed it (a script that it
/// has forgotten, a slot that has moved), and if its connection ended before the reply came: sent twice, each command has
/// the same effect as sent once. A command whose time runs out may still take effect.
///
/// A user of the server's access control needs `AUTH`, `SELECT`, `CLIENT SETNAME`, `ROLE`, `SCRIPT LOAD`, `EVAL`,
/// `EVALSHA`, `GET`, `SET`, `DEL`, `HGET`, `HGETALL`, `HSET`, `HDEL`, `TTL` and `EXPIRE`; in a cluster `PING`,
/// `CLUSTER SLOTS` and `ASKING` too, and `WAIT` if replicas are waited for.
package final class RedisSessionStore: Sendable {
    let topology: any RedisTopology
    let keyspace: SessionKeyspace
    /// What its connections do.
    package let traffic: RedisTraffic
    package let patience: Duration
    private let replication: RedisReplication?
    let time: TimeSource

    /// How a value of another type is shown, which we did not write: it cannot be read, and may be replaced.
    static let foreign: [UInt8] = [0]

    /// Connects once ``run()`` is called, with one connection to each server for each event loop of `eventLoopGroup`.
    package init(
        _ configuration: RedisConfiguration, eventLoopGroup: any EventLoopGroup, time: TimeSource, logger: Logger
    ) {
        let eventLoops = Array(eventLoopGroup.makeIterator())
        topology =
            switch configuration.topology {
            case .standalone(let address):
                StandaloneTopology(
                    server: RedisNode(
                        RedisPeer(dataNode: address, configuration), eventLoops: eventLoops, logger: logger))
            case .sentinel(let sentinels, let service):
                SentinelTopology(
                    configuration, sentinels: sentinels, service: service, eventLoops: eventLoops, logger: logger)
            case .cluster(let seeds):
                ClusterTopology(configuration, seeds: seeds, eventLoops: eventLoops, logger: logger)
            }
        keyspace = SessionKeyspace(prefix: configuration.keyPrefix)
        traffic = configuration.traffic
        patience = configuration.commandTimeout
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
    /// A session that has expired already is not stored, and the exchange counts as inserted.
    package func insertIfAbsent(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, within budget: Duration
    ) async throws(SessionStoreFailure) -> ExchangeInsertion {
        let end = deadline(after: budget)
        guard let command = exchange(records, replacing: unreadable, isHurried: false) else { return .inserted }
        var outcome = await executeWrite(command, until: end)
        if outcome.isError("NOSCRIPT") { outcome = await evaluate(command, until: end) }
        if outcome.isError("TRYAGAIN") {
            guard let hurried = exchange(records, replacing: unreadable, isHurried: true) else { return .inserted }
            outcome = await execute(script: hurried, until: end)
        }
        return try insertion(outcome)
    }

    // What does not wait, or is needed by few commands, is not inlined: what it needs would be kept in the frame of its
    // caller.

    @inline(never)
    private func insertion(_ outcome: RedisOutcome) throws(SessionStoreFailure) -> ExchangeInsertion {
        switch try record(outcome, to: .exchange) {
        case .null: return .inserted
        case .bulk(let foreign):
            return .answered(SealedRecord(bytes: foreign), session: SealedRecord(bytes: foreign))
        case .array(let parts):
            guard parts.count == 2, case .bulk(let answer) = parts[0], case .bulk(let session) = parts[1] else {
                fallthrough
            }
            return .answered(SealedRecord(bytes: answer), session: SealedRecord(bytes: session))
        default: throw SessionStoreFailure(.exchange, .unexpectedReply)
        }
    }

    @inline(never)
    private func execute(script command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        let outcome = await executeWrite(command, until: end)
        return outcome.isError("NOSCRIPT") ? await evaluate(command, until: end) : outcome
    }

    /// EVAL also gives the script back to the server, under the digest that the connections know.
    @inline(never)
    private func evaluate(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        var command = command
        command.opening = Self.evaluate
        return await executeWrite(command, until: end)
    }

    /// A session that has expired already is not stored.
    package func insertIfAbsent(_ session: StoredSession, within budget: Duration) async throws(SessionStoreFailure) {
        guard let life = SessionKeyspace.sessionLife(until: session.expiresAt, now: time.now()) else { return }
        let arguments = setArguments(session.key, session.record.bytes, life: life, condition: "NX")
        try await write(.insert, arguments, reply: [.status, .null], session.key.partition, within: budget)
    }

    package func replace(
        _ expected: SealedRecord, with session: StoredSession, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool {
        // Nothing may replace a revoked session.
        guard !expected.bytes.isEmpty,
            let life = SessionKeyspace.sessionLife(until: session.expiresAt, now: time.now())
        else { return false }
        let record = session.record.bytes
        var arguments = RESPArguments(capacity: expected.bytes.count + record.count + 160)
        keyspace.appendSession(session.key, to: &arguments)
        ReplaceScript.append(expected.bytes, record, life: .seconds(life), to: &arguments)
        let command = RedisCommand(
            opening: ReplaceScript.opening, arguments: arguments, reply: .integer,
            slot: ClusterSlot(of: session.key.partition))
        return try reply(await executeWrite(command, until: deadline(after: budget)), to: .insert) == .integer(1)
    }

    package func session(_ key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> SealedRecord? {
        var arguments = RESPArguments(capacity: 128)
        keyspace.appendSession(key, to: &arguments)
        let command = RedisCommand(
            opening: Self.get, arguments: arguments, reply: [.bulk, .null], slot: ClusterSlot(of: key.partition))
        let outcome = await topology.execute(command, until: deadline(after: budget))
        guard case .bulk(let record) = try record(outcome, to: .session), !record.isEmpty else { return nil }
        return SealedRecord(bytes: record)
    }

    /// An empty record replaces the session's.
    package func revoke(
        _ key: RecordKey, until end: UnixTime, within budget: Duration
    ) async throws(SessionStoreFailure) {
        guard let life = SessionKeyspace.sessionLife(until: end, now: time.now()) else { return }
        let arguments = setArguments(key, [], life: life)
        try await write(.revoke, arguments, reply: .status, key.partition, within: budget)
    }

    /// Has every server that keeps records run an exchange: one that answers may yet be full, or a replica, or refuse
    /// scripts.
    package func check(within budget: Duration) async throws(SessionStoreFailure) {
        let end = deadline(after: budget)
        let tags = await topology.tags(until: end)
        let outcomes = await withTaskGroup(of: (ServerTag, RedisOutcome).self) { group in
            for tag in tags {
                group.addTask {
                    (tag, await self.execute(script: self.probe(tag.text), until: end))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for (tag, outcome) in outcomes {
            if let server = tag.server, case .reply(.error(let code)) = outcome {
                throw SessionStoreFailure(.check, .refused(code: "\(code) by \(server)"))
            }
            _ = try reply(outcome, to: .check)
        }
    }

    /// A probe that is there already is found and read, so that reading is tried too.
    private func probe(_ tag: [UInt8]) -> RedisCommand {
        var arguments = RESPArguments(capacity: 384)
        let name = [UInt8](repeating: UInt8(ascii: "0"), count: SessionKeyspace.nameLength)
        arguments.append(1)
        keyspace.appendProbe(tag, to: &arguments)
        keyspace.appendProbe(tag, named: name, to: &arguments)
        let (value, life) = ([UInt8(ascii: "0")], Array("60".utf8))
        for word in [value, life, name + value, life, []] { arguments.append(word) }
        return exchange(&arguments, isHurried: true, ClusterSlot(ofTag: tag))
    }
}

// MARK: - Waiting for replicas

extension RedisSessionStore {
    /// Before the command's own end, so that the server answers in time: it looks for time-outs ten times a second (`hz`).
    private static let waitMargin = TimeAmount.milliseconds(120)

    /// A write is done once as many replicas have it as are configured.
    func executeWrite(_ command: RedisCommand, until end: NIODeadline) async -> RedisOutcome {
        guard let replication else { return await topology.execute(command, until: end) }
        return await execute(command, onAsManyAs: replication, until: end)
    }

    @inline(never)
    private func execute(
        _ command: RedisCommand, onAsManyAs replication: RedisReplication, until end: NIODeadline
    ) async -> RedisOutcome {
        let outcomes = await topology.execute(command, then: wait(for: replication, until: end), until: end)
        guard case .reply(let reply) = outcomes.first, !reply.isRefusal else { return outcomes.first }
        switch outcomes.second {
        case .reply(.integer(let count)) where count >= replication.replicas: return outcomes.first
        case .reply(.integer(let count)):
            return .failure(.notReplicated(replicas: Int(count), wanted: replication.replicas))
        default: return outcomes.second ?? outcomes.first
        }
    }

    private func wait(for replication: RedisReplication, until end: NIODeadline) -> RedisCommand {
        let now = topology.now
        let limit = min(end, now + TimeAmount(replication.timeout)) - Self.waitMargin
        // Zero would mean forever.
        let milliseconds = max(1, (limit - now).nanoseconds / 1_000_000)
        return RedisCommand(
            opening: .words(RESPArguments("WAIT", String(replication.replicas), String(milliseconds))),
            arguments: RESPArguments(), reply: .integer)
    }
}

// MARK: - Commands and replies

extension RedisSessionStore {
    private static let evaluate = RedisCommand.Opening.words(RESPArguments("EVAL", ExchangeScript.text))
    private static let get = RedisCommand.Opening.words(RESPArguments("GET"))
    private static let set = RedisCommand.Opening.words(RESPArguments("SET"))

    /// What follows the script in ``ExchangeScript``'s order; nil if the session has expired already.
    @inline(never)
    private func exchange(
        _ records: ExchangeRecords, replacing unreadable: SealedRecord?, isHurried: Bool
    ) -> RedisCommand? {
        let session = records.session
        let now = time.now()
        guard let sessionLife = SessionKeyspace.sessionLife(until: session.expiresAt, now: now) else { return nil }
        let size = session.record.bytes.count + records.answer.bytes.count + (unreadable?.bytes.count ?? 0) + 384
        var arguments = RESPArguments(capacity: size)
        arguments.append(1)
        keyspace.appendAnswer(records.answerKey, to: &arguments)
        keyspace.appendSession(session.key, to: &arguments)
        arguments.append(session.record.bytes)
        arguments.append(sessionLife)
        arguments.append(length: SessionKeyspace.nameLength + records.answer.bytes.count) { bytes in
            Base64URL.append(session.key.digest, to: &bytes)
            bytes.append(contentsOf: records.answer.bytes)
        }
        arguments.append(SessionKeyspace.answerLife(until: records.answerExpiresAt, now: now))
        arguments.append(unreadable?.bytes ?? [])
        return exchange(&arguments, isHurried: isHurried, ClusterSlot(of: records.answerKey.partition))
    }

    /// - Parameter arguments: all but the flags.
    private func exchange(_ arguments: inout RESPArguments, isHurried: Bool, _ slot: ClusterSlot) -> RedisCommand {
        arguments.append(replication == nil ? 0 : 1)
        arguments.append(isHurried ? 1 : 0)
        var command = RedisCommand(opening: .loadedScript, arguments: arguments, reply: [.null, .pair], slot: slot)
        command.alwaysWrites = true
        return command
    }

    private func setArguments(
        _ key: RecordKey, _ record: [UInt8], life: Int, condition: String? = nil
    ) -> RESPArguments {
        var arguments = RESPArguments(capacity: record.count + 160)
        keyspace.appendSession(key, to: &arguments)
        arguments.append(record)
        arguments.append("EX".utf8)
        arguments.append(life)
        if let condition { arguments.append(condition.utf8) }
        return arguments
    }

    private func write(
        _ operation: SessionStoreFailure.Operation, _ arguments: RESPArguments, reply shape: RedisCommand.ReplyShape,
        _ partition: Partition, within budget: Duration
    ) async throws(SessionStoreFailure) {
        var command = RedisCommand(
            opening: Self.set, arguments: arguments, reply: shape, slot: ClusterSlot(of: partition))
        command.alwaysWrites = operation == .revoke
        _ = try reply(await executeWrite(command, until: deadline(after: budget)), to: operation)
    }

    /// When a budget that begins now is spent.
    func deadline(after budget: Duration) -> NIODeadline { topology.now + TimeAmount(budget) }
}
