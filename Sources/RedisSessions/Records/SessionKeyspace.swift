import TokenExchange

/// Names and lives of the records in Redis: `<prefix>:{<partition>}:session:<name>`, and the same with `answer` and
/// `shared` (``SharedRecords``), where a name is the base64url of the record's digest. The braces make the
/// partition decide the slot in a cluster.
struct SessionKeyspace: Sendable {
    /// Characters of a name: 32 bytes in base64url.
    static let nameLength = Base64URL.encodedCount(of: 32)

    /// Ten years, longer than any record lives; Redis refuses what overflows its milliseconds.
    private static let longestLife = 315_360_000.0

    private static let session: StaticString = "}:session:"
    private static let answer: StaticString = "}:answer:"
    private static let shared: StaticString = "}:shared:"
    private static let probe = Array("}:probe".utf8)

    private let prefix: [UInt8]

    /// `prefix` goes before every key, and has no braces.
    init(prefix: String) {
        self.prefix = Array("\(prefix):{".utf8)
    }

    /// Its braces keep it apart from every partition, which has three characters.
    func appendRevocations(to arguments: inout RESPArguments) {
        arguments.append(prefix + Self.revocations + Array("}".utf8))
    }

    /// Of the check whether the revocations can be written.
    func appendRevocationProbe(to arguments: inout RESPArguments) {
        arguments.append(prefix + Self.revocations + Self.probe)
    }

    /// - Parameter name: of the probe's session; nil for its answer.
    func appendProbe(_ tag: [UInt8], named name: [UInt8]? = nil, to arguments: inout RESPArguments) {
        arguments.append(prefix + tag + Self.probe + (name.map { Array(":".utf8) + $0 } ?? []))
    }

    static let revocations = Array("revocations".utf8)

    /// The name of a session's record.
    func appendSession(_ key: RecordKey, to arguments: inout RESPArguments) {
        append(key, Self.session, to: &arguments)
    }

    /// The name of an answer's record.
    func appendAnswer(_ key: RecordKey, to arguments: inout RESPArguments) {
        append(key, Self.answer, to: &arguments)
    }

    /// The name of a shared record.
    func appendShared(_ key: RecordKey, to arguments: inout RESPArguments) {
        append(key, Self.shared, to: &arguments)
    }

    private func append(_ key: RecordKey, _ kind: StaticString, to arguments: inout RESPArguments) {
        let length = prefix.count + key.partition.label.count + kind.utf8CodeUnitCount + Self.nameLength
        arguments.append(length: length) { bytes in
            bytes.append(contentsOf: prefix)
            bytes.append(contentsOf: key.partition.label)
            bytes.append(kind)
            Base64URL.append(key.digest, to: &bytes)
        }
    }

    /// Whole seconds for `EX`, rounded up: Redis must not forget a session that still counts. Nil if it has expired.
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
