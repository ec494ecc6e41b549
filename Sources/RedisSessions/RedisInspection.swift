package import TokenExchange

/// What one Redis server says of itself, as far as our user may ask: for operators, never for a request.
package struct RedisInspection: Sendable {
    /// Nil if there is only one.
    package let server: RedisAddress?
    /// The lines of `INFO memory`, `INFO persistence`, by name; or why there are none.
    package let facts: Result<[String: String], SessionStoreFailure>
    /// When the server writes snapshots (`CONFIG GET save`), empty for never; nil if our user may not ask, which is as it
    /// should be.
    package let snapshots: String?
    /// Who we are to the server (`ACL WHOAMI`); nil if our user may not ask.
    package let user: String?
}

extension RedisSessionStore {
    /// Every server that is known, those that keep records first. Asks nobody.
    package var servers: [RedisServerStatus] { topology.servers }

    /// Asks every server that keeps records; ends within `budget`.
    package func inspect(within budget: Duration) async -> [RedisInspection] {
        let end = deadline(after: budget)
        var inspections: [RedisInspection] = []
        for tag in await topology.tags(until: end) {
            func ask(_ words: RESPArguments, _ shape: RedisCommand.ReplyShape) async -> RedisOutcome {
                let command = RedisCommand(
                    opening: .words(words), arguments: RESPArguments(), reply: shape, slot: ClusterSlot(ofTag: tag.text)
                )
                return await topology.execute(command, until: end)
            }
            let facts = await ask(RESPArguments("INFO", "memory", "persistence"), .bulk)
            let snapshots = await ask(RESPArguments("CONFIG", "GET", "save"), .array)
            let user = await ask(RESPArguments("ACL", "WHOAMI"), .bulk)
            inspections.append(
                RedisInspection(
                    server: tag.server,
                    facts: Result { () throws(SessionStoreFailure) in try reply(facts, to: .check).facts },
                    snapshots: snapshots.texts?.last, user: user.texts?.first))
        }
        return inspections
    }
}

extension RESPReply {
    /// `name:value` in each line of a bulk.
    fileprivate var facts: [String: String] {
        let lines = (text ?? "").split(whereSeparator: \.isNewline).compactMap { line -> (String, String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            return (String(line[..<colon]), String(line[colon...].dropFirst()))
        }
        return Dictionary(lines) { first, _ in first }
    }
}

extension RedisOutcome {
    /// The bulks of a reply; nil for an error, or no reply.
    fileprivate var texts: [String]? {
        switch self {
        case .reply(.array(let parts)): parts.compactMap(\.text)
        case .reply(let reply): reply.text.map { [$0] }
        case .lost, .failure: nil
        }
    }
}
