/// ``SessionStore/insertIfAbsent(_:replacing:within:)`` as Redis runs it: alone, from start to end.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the answer's key |
/// | `KEYS[2]` | the session's key |
/// | `ARGV[1]`, `ARGV[2]` | the session's record, and its life in seconds |
/// | `ARGV[3]`, `ARGV[4]` | the answer's value, and its life in seconds; `0`: not kept |
/// | `ARGV[5]` | the sealed answer that may be replaced, or nothing |
///
/// An answer's value is the last part of its session's key (``SessionKeyspace/nameLength`` characters), then the sealed
/// answer; anything shorter was not written by us and counts as absent. The reply is the earlier answer, or null where
/// the records were stored.
///
/// The answer goes first because Redis refuses writes (out of memory, read-only, …) at a script's first one only: either
/// nothing is written or all of it. Were it cut short all the same, an answer without its session is dead to every
/// reader, whereas a session written first could have overwritten one that an earlier answer still names.
enum InsertionScript {
    static let text = """
        local earlier
        if ARGV[4] == '0' then
          earlier = redis.call('GET', KEYS[1])
        else
          earlier = redis.call('SET', KEYS[1], ARGV[3], 'NX', 'GET', 'EX', ARGV[4])
        end
        if earlier then
          local sealed = string.sub(earlier, \(SessionKeyspace.nameLength + 1))
          if sealed ~= '' and sealed ~= ARGV[5] then
            local session = string.sub(KEYS[2], 1, -\(SessionKeyspace.nameLength + 1)) .. string.sub(earlier, 1, \(SessionKeyspace.nameLength))
            if redis.call('EXISTS', session) == 1 then return sealed end
          end
          if ARGV[4] == '0' then
            redis.call('DEL', KEYS[1])
          else
            redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
          end
        end
        redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
        return false
        """
}
