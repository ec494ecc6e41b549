import TokenExchange

/// Names and lives of the records in Redis: `<prefix>:session:<name>` and `<prefix>:answer:<name>`, where a name is the
/// base64url of the record's digest.
struct SessionKeyspace: Sendable {
    /// Characters of a name: 32 bytes in base64url.
    static let nameLength = Base64URL.encodedCount(of: 32)

    /// No record of ours lives for ten years; Redis refuses what overflows its milliseconds.
    private static let longestLife = 315_360_000.0

    private let sessionPrefix: [UInt8]
    private let answerPrefix: [UInt8]

    init(prefix: String) {
        sessionPrefix = Array("\(prefix):session:".utf8)
        answerPrefix = Array("\(prefix):answer:".utf8)
    }

    func appendSession(_ key: RecordKey, to arguments: inout RESPArguments) {
        append(sessionPrefix, key, to: &arguments)
    }

    func appendAnswer(_ key: RecordKey, to arguments: inout RESPArguments) {
        append(answerPrefix, key, to: &arguments)
    }

    private func append(_ prefix: [UInt8], _ key: RecordKey, to arguments: inout RESPArguments) {
        arguments.appendArgument { bytes in
            bytes.append(contentsOf: prefix)
            Base64URL.append(key.digest, to: &bytes)
        }
    }

    /// Whole seconds for `EX`, rounded up: Redis must not forget a session that still counts. Nil where it is over.
    static func sessionLife(until end: UnixTime, now: UnixTime) -> Int? {
        let seconds = life(until: end, now: now)
        return seconds > 0 ? Int(seconds.rounded(.up)) : nil
    }

    /// Whole seconds for `EX`, rounded down: no answer is handed out after its end. Zero: it is not kept.
    static func answerLife(until end: UnixTime, now: UnixTime) -> Int {
        Int(life(until: end, now: now).rounded(.down))
    }

    private static func life(until end: UnixTime, now: UnixTime) -> Double {
        let seconds = end.seconds - now.seconds
        return seconds > 0 ? min(seconds, longestLife) : 0
    }
}
