import TokenExchange

/// A text of the corpus: `${…}` stands for what is known at run time only, and bytes that no JSON string can hold have a
/// spelling of their own.
struct AttackText: Sendable {
    private let parts: [Part]

    private enum Part: Sendable {
        case text(String)
        case bytes([UInt8])
        case repeated(AttackText, Int)
    }

    init(_ text: String) {
        parts = [.text(text)]
    }

    init(_ value: JSONValue, at place: String) throws {
        switch value {
        case .string(let text): parts = [.text(String(text))]
        case .array(let values): parts = try values.flatMap { try AttackText($0, at: place).parts }
        default:
            let object = try StrictObject(value, ["hex", "repeat", "times"], at: place)
            if object["hex"] != nil {
                parts = [.bytes(try Hexadecimal.bytes(try object.string("hex"), at: place))]
            } else {
                parts = [.repeated(AttackText(try object.string("repeat")), try object.integer("times"))]
            }
        }
    }

    func bytes(_ value: (String) throws -> [UInt8]) throws -> [UInt8] {
        try parts.flatMap { part in
            switch part {
            case .text(let text): try Self.resolved(text, value)
            case .bytes(let bytes): bytes
            case .repeated(let text, let times):
                Array([[UInt8]](repeating: try text.bytes(value), count: times).joined())
            }
        }
    }

    private static func resolved(_ text: String, _ value: (String) throws -> [UInt8]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            bytes += Array(rest[..<start.lowerBound].utf8) + (try value(String(rest[start.upperBound..<end])))
            rest = rest[rest.index(after: end)...]
        }
        return bytes + Array(rest.utf8)
    }
}

enum Hexadecimal {
    static func bytes(_ text: String, at place: String) throws -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == text.count, digits.count % 2 == 0 else {
            throw AttackProblem(description: "\(place): \(text) is not hexadecimal")
        }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
