/// Puts a value in the place of one that is known, as Redis runs it; the reply is 1, or 0 if something else is there. A value
/// of another type is known as ``RedisSessionStore/foreign``.
///
/// | name | holds |
/// |---|---|
/// | `KEYS[1]` | the key |
/// | `ARGV[1]` | what must be there |
/// | `ARGV[2]`, `ARGV[3]` | what is to be there, and its life in milliseconds; nothing to remove it |
enum ReplaceScript {
    static let opening = RedisCommand.Opening.words(
        RESPArguments(
            "EVAL",
            """
            local present = redis.pcall('GET', KEYS[1])
            if type(present) == 'table' and present.err then
              if string.sub(present.err, 1, 9) ~= 'WRONGTYPE' then return present end
              present = '\\0'
            end
            if present ~= ARGV[1] then return 0 end
            if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
            return 1
            """, "1"))

    /// What follows the key.
    static func append(_ expected: [UInt8], _ new: [UInt8], life: Duration, to arguments: inout RESPArguments) {
        arguments.append(expected)
        arguments.append(new)
        arguments.append(milliseconds(life).utf8)
    }

    /// At least 1, as Redis takes no life of 0.
    static func milliseconds(_ life: Duration) -> String { String(max(1, Int64(life / .milliseconds(1)))) }
}
