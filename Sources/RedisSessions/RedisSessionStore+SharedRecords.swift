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
            for word in ["NX", "GET", "PX", ReplaceScript.milliseconds(life)] { arguments.append(word.utf8) }
        }
        if case .bulk(let present) = reply { return present }
        return nil
    }

    package func replace(
        _ expected: [UInt8], under key: RecordKey, with new: [UInt8]?, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool {
        let reply = try await shared(ReplaceScript.opening, .shared, .integer, key, within: budget) { arguments in
            ReplaceScript.append(expected, new ?? [], life: life, to: &arguments)
        }
        return reply == .integer(1)
    }

    private static let sharedGet = RedisCommand.Opening.words(RESPArguments("GET"))
    private static let sharedSet = RedisCommand.Opening.words(RESPArguments("SET"))

    private func shared(
        _ opening: RedisCommand.Opening, _ operation: SessionStoreFailure.Operation, _ shape: RedisCommand.ReplyShape,
        _ key: RecordKey, within budget: Duration, _ append: (inout RESPArguments) -> Void = { _ in }
    ) async throws(SessionStoreFailure) -> RESPReply {
        var arguments = RESPArguments(capacity: 512)
        keyspace.appendShared(key, to: &arguments)
        append(&arguments)
        let command = RedisCommand(
            opening: opening, arguments: arguments, reply: shape, slot: ClusterSlot(of: key.partition))
        return try record(await topology.execute(command, until: deadline(after: budget)), to: operation)
    }
}
