import NIOCore
package import TokenExchange

/// The revoked cohorts in one hash, `<prefix>:{revocations}`: each field a cohort's label, its value the watermark and the
/// end of the revocation in milliseconds of Unix time; and a field `version`, which differs after every change.
extension RedisSessionStore: RevocationStore {
    /// More are refused: nobody revokes so many by hand, and every replica holds them all. Keys are counted apart, so that
    /// no others keep a lost one from being revoked.
    package static let maximumRevocations = 10_000
    /// Names and values of a full table.
    static let maximumRevocationWords = 2 * (2 * maximumRevocations + 1)

    package func add(_ revocation: Revocation, within budget: Duration) async throws(SessionStoreFailure) {
        let now = time.now()
        guard let life = SessionKeyspace.sessionLife(until: revocation.endsAt, now: now) else { return }
        var arguments = RESPArguments(reservingBytes: 256, arguments: 8)
        arguments.append("1".utf8)
        keyspace.appendRevocations(to: &arguments)
        arguments.append(revocation.cohort.text.utf8)
        for time in [revocation.issuedBefore, revocation.endsAt, now] {
            arguments.append(String(time.milliseconds).utf8)
        }
        arguments.append(String(life).utf8)
        arguments.append(String(UInt64.random(in: .min ... .max), radix: 16).utf8)
        let reply = try await writeRevocation(arguments, within: budget)
        guard reply == .status("OK") else { throw SessionStoreFailure(.revocations, .refused(code: "FULL")) }
    }

    package func revocations(
        unless version: ExactText?, within budget: Duration
    ) async throws(SessionStoreFailure) -> StoredRevocations? {
        let end = NIODeadline.now() + TimeAmount(budget)
        if let version {
            let found = try await readRevocations("HGET", "version", reply: [.bulk, .null], until: end)
            if ExactText(found.text ?? "") == version { return nil }
        }
        guard case .array(let words) = try await readRevocations("HGETALL", nil, reply: .array, until: end) else {
            throw SessionStoreFailure(.revocations, .unexpectedReply)
        }
        return StoredRevocations(words.map { $0.text ?? "" })
    }
}

extension StoredRevocations {
    /// Names and values in turn. What is none of ours is left out.
    fileprivate init(_ words: [String]) {
        var version = ""
        var revocations: [Revocation] = []
        for (name, value) in zip(words.striding(by: 2), words.dropFirst().striding(by: 2)) {
            if name == "version" { version = value }
            let times = value.split(separator: " ").compactMap { Int64($0) }.map(UnixTime.init(milliseconds:))
            guard let cohort = CohortLabel(name), times.count == 2 else { continue }
            revocations.append(Revocation(cohort: cohort, issuedBefore: times[0], endsAt: times[1]))
        }
        self.init(version: ExactText(version), revocations: revocations)
    }
}

/// ``RevocationStore/add(_:within:)`` as Redis runs it.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the hash |
/// | `ARGV[1]` | the cohort's label |
/// | `ARGV[2]`, `ARGV[3]` | its watermark and its end, in milliseconds |
/// | `ARGV[4]` | the present, in milliseconds |
/// | `ARGV[5]` | the revocation's life, in seconds |
/// | `ARGV[6]` | the new version |
enum RevocationScript {
    static let text = """
        local function iskey(label) return string.sub(label, 1, 7) == '\(Cohort.Kind.keyID.rawValue):' end
        local fields = redis.call('HGETALL', KEYS[1])
        local count = 0
        for index = 1, #fields, 2 do
          local watermark, last = string.match(fields[index + 1], '^(%d+) (%d+)$')
          if fields[index] == ARGV[1] and watermark and tonumber(watermark) >= tonumber(ARGV[2]) then
            return redis.status_reply('OK')
          end
          if last and tonumber(last) < tonumber(ARGV[4]) then
            redis.call('HDEL', KEYS[1], fields[index])
          elseif fields[index] ~= ARGV[1] and fields[index] ~= 'version' and iskey(fields[index]) == iskey(ARGV[1]) then
            count = count + 1
          end
        end
        if count >= \(RedisSessionStore.maximumRevocations) then return redis.status_reply('FULL') end
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3], 'version', ARGV[6])
        if redis.call('TTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
        return redis.status_reply('OK')
        """
}

extension Collection {
    fileprivate func striding(by step: Int) -> [Element] {
        enumerated().filter { $0.offset.isMultiple(of: step) }.map(\.element)
    }
}
