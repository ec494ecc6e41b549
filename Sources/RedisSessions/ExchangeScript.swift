/// ``SessionStore/insertIfAbsent(_:replacing:within:)`` of an exchange as Redis runs it: alone, from start to end.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the answer's key |
/// | `ARGV[1]` | the session's key |
/// | `ARGV[2]`, `ARGV[3]` | the session's record, and its life in seconds |
/// | `ARGV[4]`, `ARGV[5]` | the answer's value, and its life in seconds; `0`: not kept |
/// | `ARGV[6]` | the sealed answer that may be replaced, or nothing |
/// | `ARGV[7]` | `1` where replicas are waited for, else `0` |
///
/// An answer's value is the last part of its session's key (``SessionKeyspace/nameLength`` characters), then the sealed
/// answer; anything shorter was not written by us and counts as absent. The reply is the earlier answer and its session,
/// or null where the records were stored.
///
/// The answer goes first because Redis refuses writes (out of memory, read-only, …) at a script's first one only: either
/// nothing is written or all of it. Were it cut short all the same, an answer without its session is dead to every
/// reader, whereas a session written first could have overwritten one that an earlier answer still names.
///
/// All keys lie in one slot of a cluster. Only the first is declared: while a slot moves, a command that declares more is
/// put off until the move is over, even where none of its keys exists yet; one that declares a single key is sent to the
/// server that takes over. What that one does not have yet counts as absent, so an answer that moved before its session is
/// not replayed but minted anew; what a server has no more, while it still has the answer, is tried again (`TRYAGAIN`).
///
/// To wait for replicas makes sense only after a write, so an earlier answer is then written once more.
enum ExchangeScript {
    static let text = """
        local function call(...)
          local reply = redis.pcall(...)
          if type(reply) ~= 'table' or not reply.err then return reply end
          if string.find(reply.err, 'non local key', 1, true) then error({err = 'TRYAGAIN the slot is moving'}) end
          error(reply)
        end
        local earlier
        if ARGV[5] == '0' then
          earlier = redis.call('GET', KEYS[1])
        else
          earlier = redis.call('SET', KEYS[1], ARGV[4], 'NX', 'GET', 'EX', ARGV[5])
        end
        if earlier then
          local sealed = string.sub(earlier, \(SessionKeyspace.nameLength + 1))
          if sealed ~= '' and sealed ~= ARGV[6] then
            local session = call('GET', string.sub(ARGV[1], 1, -\(SessionKeyspace.nameLength + 1)) .. string.sub(earlier, 1, \(SessionKeyspace.nameLength)))
            if session and session ~= '' then
              if ARGV[7] == '1' then redis.call('SET', KEYS[1], earlier, 'KEEPTTL') end
              return {sealed, session}
            end
          end
          if ARGV[5] == '0' then
            redis.call('DEL', KEYS[1])
          else
            redis.call('SET', KEYS[1], ARGV[4], 'EX', ARGV[5])
          end
        end
        call('SET', ARGV[1], ARGV[2], 'EX', ARGV[3])
        return false
        """
}
