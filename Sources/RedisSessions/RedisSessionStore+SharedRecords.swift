import NIOCore
package import TokenExchange

/// One command for each operation, on one key.
extension RedisSessionStore: SharedRecords {
    package func value(of key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> [UInt8]? {
        let reply = try await shared(Self.sharedGet, .shared, [.bulk, .null], key, within: budget)
        if case .bulk(let value) = reply { return value }
        return nil
    }

    package func insertIfAbsent(
        _ value: [UInt8], under key: RecordKey, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> [UInt8]? {
        let reply = try await shared(Self.sharedSet, .shared, [.bulk, .null], key, within: budget) { arguments in
            arguments.append(value)
            for word in ["NX", "GET", "PX", Self.milliseconds(life)] { arguments.append(word.utf8) }
        }
        if case .bulk(let present) = reply { return present }
        return nil
    }

    package func replace(
        _ expected: [UInt8], under key: RecordKey, with new: [UInt8]?, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool {
        let reply = try await shared(Self.sharedReplace, .shared, .integer, key, within: budget) { arguments in
            arguments.append(expected)
            arguments.append(new ?? [])
            arguments.append(Self.milliseconds(life).utf8)
        }
        return reply == .integer(1)
    }

    private static let sharedGet = RedisCommand.Opening.words(RESPArguments("GET"))
    private static let sharedSet = RedisCommand.Opening.words(RESPArguments("SET"))

    /// `KEYS[1]`, what must be there, what shall be there (nothing: remove it), for how many milliseconds.
    private static let sharedReplace = RedisCommand.Opening.words(
        RESPArguments(
            "EVAL",
            """
            if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
            if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            return 1
            """, "1"))

    private static func milliseconds(_ life: Duration) -> String { String(max(1, Int64(life / .milliseconds(1)))) }

    private func shared(
        _ opening: RedisCommand.Opening, _ operation: SessionStoreFailure.Operation, _ shape: RedisCommand.ReplyShape,
        _ key: RecordKey, within budget: Duration, _ append: (inout RESPArguments) -> Void = { _ in }
    ) async throws(SessionStoreFailure) -> RESPReply {
        var arguments = RESPArguments(reservingBytes: 512, arguments: 6)
        keyspace.appendShared(key, to: &arguments)
        append(&arguments)
        let command = RedisCommand(
            opening: opening, arguments: arguments, reply: shape, slot: ClusterSlot(of: key.partition))
        return try reply(await topology.execute(command, until: .now() + TimeAmount(budget)), to: operation)
    }
}
