import RedisSessions
import TestSupport
import TokenExchange

/// What the server and the network do wrong.
struct FuzzFaults: OptionSet {
    let rawValue: UInt8

    /// Replies end in their middle, and the connection with them.
    static let truncation = FuzzFaults(rawValue: 1)
    /// One byte of a reply is another.
    static let damage = FuzzFaults(rawValue: 2)
    /// Between replies comes something that is not RESP, or answers no command; and a reply comes while no command is open.
    static let injection = FuzzFaults(rawValue: 4)
}

/// What becomes of all callers.
struct FuzzResult {
    var own = 0
    /// Replies that answer no command.
    var garbled = 0
    var timedOut = 0
    var unexpected = 0
    /// Why connections ended.
    var faults: [String: Int] = [:]
    var problems: [String] = []

    mutating func count(_ outcome: RedisOutcome, of number: Int, _ answers: FuzzAnswers) {
        switch outcome {
        case .reply(answers[number].reply): own += 1
        case .reply(let reply):
            garbled += 1
            if let owner = answers.otherOwner(of: reply, than: number) {
                problems.append("\(number) got what is \(owner)'s: \(reply)")
            }
            if reply == .null { problems.append("\(number) got null") }
        case .failure(.timedOut): timedOut += 1
        case .failure(.unexpectedReply): unexpected += 1
        case .lost, .failure(.overloaded): break
        case .failure(let cause): problems.append("\(number): \(cause)")
        }
    }
}

/// What the server answers to each command, by the command's number. No value occurs twice.
struct FuzzAnswers {
    struct Answer {
        let shape: RedisCommand.ReplyShape
        let reply: RESPReply
        let wire: [UInt8]
    }

    private let answers: [Answer]
    private var owners: [[UInt8]: Int] = [:]

    init(count: Int, using generator: inout SeededGenerator) {
        answers = (0..<count).map { _ in Self.answer(using: &generator) }
        for (number, answer) in answers.enumerated() {
            for value in Self.values(answer.reply) { owners[value] = number }
        }
    }

    subscript(number: Int) -> Answer { answers[number] }

    /// Another command whose answer `reply` is, or holds a part of; nil if there is none.
    func otherOwner(of reply: RESPReply, than number: Int) -> Int? {
        Self.values(reply).compactMap { owners[$0] }.first { $0 != number }
    }

    private static func answer(using generator: inout SeededGenerator) -> Answer {
        let bytes = (0..<24).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let word = "E" + String(UInt64.random(in: 1 << 60...(.max), using: &generator), radix: 16)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return Answer(shape: .status, reply: .status(word), wire: Array("+\(word)\r\n".utf8))
        case 1:
            let number = Int64.random(in: 1 << 40..<1 << 41, using: &generator)
            return Answer(shape: .integer, reply: .integer(number), wire: Array(":\(number)\r\n".utf8))
        case 2:
            let halves = [Array(bytes.prefix(12)), Array(bytes.suffix(12))]
            return Answer(
                shape: [.null, .pair], reply: .array(halves.map(RESPReply.bulk)),
                wire: Array("*2\r\n".utf8) + halves.flatMap(Self.bulk))
        case 3: return Answer(shape: [.bulk, .null], reply: .null, wire: Array("$-1\r\n".utf8))
        case 4:
            return Answer(
                shape: [.bulk, .null], reply: .error(code: word), wire: Array("-\(word) for some reason\r\n".utf8))
        default: return Answer(shape: [.bulk, .null], reply: .bulk(bytes), wire: bulk(bytes))
        }
    }

    private static func bulk(_ bytes: [UInt8]) -> [UInt8] {
        Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
    }

    private static func values(_ reply: RESPReply) -> [[UInt8]] {
        switch reply {
        case .status(let text), .error(let text): [Array(text.utf8)]
        case .integer(let number): [Array(String(number).utf8)]
        case .bulk(let bytes): [bytes]
        case .array(let parts): parts.flatMap(values)
        case .null, .redirection: []
        }
    }
}
