/// ``SessionStore/insertIfAbsent(_:replacing:within:)`` of an exchange as Redis runs it: alone, from start to end.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the answer's key |
/// | `ARGV[1]` | the session's key |
/// | `ARGV[2]`, `ARGV[3]` | the session's record, and its life in seconds |
/// | `ARGV[4]`, `ARGV[5]` | the answer's value, and its life in seconds; `0`: not kept |
/// | `ARGV[6]` | the sealed answer that may be replaced, or nothing |
/// | `ARGV[7]` | `1` if replicas are waited for, else `0` |
/// | `ARGV[8]` | `1` if an answer whose session lies elsewhere is given up, else `0` |
///
/// An answer's value is the last part of its session's key (``SessionKeyspace/nameLength`` characters), then the sealed
/// answer; anything shorter or longer than ours can be was not written by us and counts as absent. What is there may also
/// be no string at all (`WRONGTYPE`): that is an error as long as nothing may be replaced. The reply is the earlier answer
/// and its session, or null if the records were stored.
///
/// Sent again after it was executed, it finds what it has stored itself, and answers that.
///
/// The answer goes first because Redis refuses writes (out of memory, read-only, …) at a script's first one only: either
/// nothing is written or all of it. Should it be cut short, an answer without its session is dead to every
/// reader, whereas a session written first could have overwritten one that an earlier answer still names.
///
/// All keys lie in one slot of a cluster. Only the first is declared: while a slot moves, a command that declares more is
/// put off until the move is over, even where none of its keys exists yet; one that declares a single key is sent to the
/// server that takes over. What that one does not have yet counts as absent, so an answer that moved before its session is
/// not replayed: the exchange is minted again. What a server has no more, while it still has the answer, is tried again
/// (`TRYAGAIN`). Where that takes too long (`ARGV[8]`), the answer goes, so that the server that takes over mints again.
///
/// To wait for replicas makes sense only after a write, so an earlier answer is then written once more.
enum ExchangeScript {
    /// None of our records is longer, whatever tokens the configuration allows.
    static let maximumBytes = 1 << 18

    static let text = """
        local function call(...)
          local reply = redis.pcall(...)
          if type(reply) ~= 'table' or not reply.err then return reply end
          if string.sub(reply.err, 1, 9) == 'WRONGTYPE' then return false end
          if string.find(reply.err, 'non local key', 1, true) then
            if ARGV[8] == '1' then redis.call('DEL', KEYS[1]) end
            error({err = 'TRYAGAIN the slot is moving'})
          end
          error(reply)
        end
        local earlier
        if ARGV[5] == '0' then
          earlier = redis.pcall('GET', KEYS[1])
        else
          earlier = redis.pcall('SET', KEYS[1], ARGV[4], 'NX', 'GET', 'EX', ARGV[5])
        end
        if type(earlier) == 'table' and earlier.err then
          if string.sub(earlier.err, 1, 9) ~= 'WRONGTYPE' or ARGV[6] == '' then return earlier end
          earlier = ''
        end
        if earlier then
          local sealed = #earlier <= \(maximumBytes) and string.sub(earlier, \(SessionKeyspace.nameLength + 1)) or ''
          if sealed ~= '' and sealed ~= ARGV[6] then
            local session = call('GET', string.sub(ARGV[1], 1, -\(SessionKeyspace.nameLength + 1)) .. string.sub(earlier, 1, \(SessionKeyspace.nameLength)))
            if session and session ~= '' and #session <= \(maximumBytes) then
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
