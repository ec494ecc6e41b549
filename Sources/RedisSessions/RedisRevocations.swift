package import TokenExchange

/// The revoked cohorts in one hash, `<prefix>:{revocations}`: each field a cohort's label, its value the watermark and the
/// end of the revocation in milliseconds of Unix time; and a field `version`, which differs after every change.
extension RedisSessionStore: RevocationStore {
    private static let revocationSlot = ClusterSlot(ofTag: SessionKeyspace.revocations)

    package func add(_ revocation: Revocation, within budget: Duration) async throws(SessionStoreFailure) {
        guard let life = SessionKeyspace.sessionLife(until: revocation.endsAt, now: time.now()) else { return }
        var arguments = RESPArguments(capacity: 256)
        arguments.append("1".utf8)
        keyspace.appendRevocations(to: &arguments)
        let reply = try await write(
            revocation.cohort.text, revocation.issuedBefore, revocation.endsAt, life: life, arguments, within: budget)
        guard reply == .status("OK") else { throw SessionStoreFailure(.revocations, .refused(code: "FULL")) }
    }

    /// Adds one to a list that nobody reads.
    package func checkRevocations(within budget: Duration) async throws(SessionStoreFailure) {
        var arguments = RESPArguments(capacity: 256)
        arguments.append("1".utf8)
        keyspace.appendRevocationProbe(to: &arguments)
        let now = time.now()
        _ = try await write("all", now, now + .seconds(1), life: 1, arguments, within: budget)
    }

    private func write(
        _ label: String, _ watermark: UnixTime, _ end: UnixTime, life: Int, _ arguments: RESPArguments,
        within budget: Duration
    ) async throws(SessionStoreFailure) -> RESPReply {
        var arguments = arguments
        arguments.append(label.utf8)
        for time in [watermark, end, time.now()] { arguments.append(String(time.milliseconds).utf8) }
        arguments.append(life)
        arguments.append(String(UInt64.random(in: .min ... .max), radix: 16).utf8)
        var command = RedisCommand(
            opening: .words(RESPArguments("EVAL", RevocationScript.text)), arguments: arguments, reply: .status,
            slot: Self.revocationSlot)
        command.alwaysWrites = true
        return try reply(await executeWrite(command, until: deadline(after: budget)), to: .revocations)
    }

    package func revocations(
        unless version: ExactText?, within budget: Duration
    ) async throws(SessionStoreFailure) -> StoredRevocations? {
        var arguments = RESPArguments(capacity: 128)
        arguments.append("1".utf8)
        keyspace.appendRevocations(to: &arguments)
        arguments.append((version == nil ? "0" : "1").utf8)
        arguments.append((version ?? "").bytes)
        let command = RedisCommand(
            opening: .words(RESPArguments("EVAL", RevocationReadingScript.text)), arguments: arguments,
            reply: [.null, .array], slot: Self.revocationSlot)
        let outcome = await topology.execute(command, until: deadline(after: budget))
        guard case .array(let words) = try reply(outcome, to: .revocations) else { return nil }
        return StoredRevocations(words)
    }
}

extension StoredRevocations {
    /// The version, how many fields are too long for ours, then names and values in turn. Anything else is left
    /// out and counted.
    fileprivate init(_ words: [RESPReply]) {
        var revocations: [Revocation] = []
        var unreadable = 0
        if words.count > 1, case .integer(let tooLong) = words[1] { unreadable = Int(tooLong) }
        for index in stride(from: 2, to: words.count - 1, by: 2) {
            if let revocation = Revocation(name: words[index], value: words[index + 1]) {
                revocations.append(revocation)
            } else {
                unreadable += 1
            }
        }
        self.init(version: ExactText(words.first?.text ?? ""), revocations: revocations, unreadable: unreadable)
    }
}

extension Revocation {
    fileprivate init?(name: RESPReply, value: RESPReply) {
        guard let cohort = name.text.flatMap({ CohortLabel($0) }), case .bulk(let text) = value else { return nil }
        let times = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard times.count == 2, let issuedBefore = UnixTime(decimalMilliseconds: times[0]),
            let endsAt = UnixTime(decimalMilliseconds: times[1])
        else { return nil }
        self.init(cohort: cohort, issuedBefore: issuedBefore, endsAt: endsAt)
    }
}

/// ``RevocationStore/revocations(unless:within:)`` as Redis runs it: whatever the hash holds, the reply is of a size that
/// we can take.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the hash |
/// | `ARGV[1]` | `1` if a version is known, else `0` |
/// | `ARGV[2]` | that version |
enum RevocationReadingScript {
    /// Version, count, names and values of a full table.
    private static let maximumWords = 2 + 4 * (RevocationTable.limit + RevocationTable.reserve)

    static let text = """
        local version = redis.call('HGET', KEYS[1], 'version')
        if version and #version > 64 then version = nil end
        if version and ARGV[1] == '1' and version == ARGV[2] then return false end
        local fields = redis.call('HGETALL', KEYS[1])
        -- Of what has no version nobody can tell whether it has changed.
        if not version then version = #fields > 0 and 'none' or '' end
        if #fields == 0 and ARGV[1] == '1' and ARGV[2] == '' then return false end
        local reply, length, strange = {version}, 2, 0
        for index = 1, #fields, 2 do
          local name, value = fields[index], fields[index + 1]
          if name ~= 'version' then
            if #name <= 64 and #value <= 64 and length < \(maximumWords) then
              reply[length + 1], reply[length + 2] = name, value
              length = length + 2
            else
              strange = strange + 1
            end
          end
        end
        reply[2] = strange
        return reply
        """
}

/// ``RevocationStore/add(_:within:)`` as Redis runs it, by the rules of ``RevocationTable``. Anything else is neither
/// counted nor removed.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the hash |
/// | `ARGV[1]` | the cohort's label |
/// | `ARGV[2]`, `ARGV[3]` | its watermark and its end, in milliseconds |
/// | `ARGV[4]` | the present, in milliseconds |
/// | `ARGV[5]` | the revocation's life, in seconds |
/// | `ARGV[6]` | the new version |
///
/// The life is prolonged first: a user who is not allowed to do that must not leave a list behind that never expires. What
/// the new watermark covers goes last: it must stay if Redis refuses to write the new one.
enum RevocationScript {
    static let text = """
        local latest = \(UnixTime.lastSecond)999
        local function times(name, value)
          local kind = string.match(name, '^([%l_]+):[%w_-]+$') or name
          if not string.find(' all subject device tenant identity_provider key_id ', ' ' .. kind .. ' ', 1, true) then
            return
          end
          local watermark, last = string.match(value, '^(%d+) (%d+)$')
          watermark, last = tonumber(watermark or ''), tonumber(last or '')
          if watermark and watermark <= latest and last <= latest then return watermark, last end
        end
        local function is(label, kind) return string.sub(label, 1, #kind + 1) == kind .. ':' end
        local new, watermark, last, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
        local fields = redis.call('HGETALL', KEYS[1])
        local count, gone, iscovered = 0, {}, false
        for index = 1, #fields, 2 do
          local name = fields[index]
          local itswatermark, itslast = times(name, fields[index + 1])
          if itswatermark then
            local wider = name == 'all' and itslast >= last
            if itslast <= now then
              if name ~= new then gone[#gone + 1] = name end
            elseif itswatermark >= watermark and (name == new or wider) then
              iscovered = true
            elseif name ~= new then
              if new == 'all' and itswatermark <= watermark and itslast <= last then
                gone[#gone + 1] = name
              elseif is(name, 'key_id') == is(new, 'key_id') then
                count = count + 1
              end
            end
          end
        end
        local room = \(RevocationTable.limit)
        if is(new, 'tenant') or is(new, 'identity_provider') or is(new, 'key_id') and watermark >= last then
          room = room + \(RevocationTable.reserve)
        end
        if not iscovered and new ~= 'all' and count >= room then return redis.status_reply('FULL') end
        local life = redis.call('TTL', KEYS[1])
        if life < tonumber(ARGV[5]) then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
        if iscovered then
          redis.call('HSET', KEYS[1], 'version', ARGV[6])
        else
          redis.call('HSET', KEYS[1], new, ARGV[2] .. ' ' .. ARGV[3], 'version', ARGV[6])
        end
        if life < 0 then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
        for first = 1, #gone, 1000 do
          redis.call('HDEL', KEYS[1], unpack(gone, first, math.min(first + 999, #gone)))
        end
        return redis.status_reply('OK')
        """
}
