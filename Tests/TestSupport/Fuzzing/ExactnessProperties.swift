import TokenExchange

/// Text and numbers of a document are compared by what they are: bytes and decimal values.
enum ExactnessProperties {
    /// More are compared with nobody: each is compared with each.
    private static let limit = 24

    static func check(_ value: JSONValue) throws(BrokenProperty) {
        var (texts, literals): ([ExactText], [ExactText]) = ([], [])
        collect(value, &texts, &literals)
        for one in texts.prefix(limit) {
            for other in texts.prefix(limit) { try checkTexts(one, other) }
        }
        for one in literals.prefix(limit) {
            for other in literals.prefix(limit) { try checkNumbers(one, other) }
        }
    }

    private static func collect(_ value: JSONValue, _ texts: inout [ExactText], _ literals: inout [ExactText]) {
        switch value {
        case .null, .bool: break
        case .number(let literal): literals.append(literal)
        case .string(let text): texts.append(text)
        case .array(let values): for value in values { collect(value, &texts, &literals) }
        case .object(let members):
            for member in members {
                texts.append(member.name)
                collect(member.value, &texts, &literals)
            }
        }
    }

    private static func checkTexts(_ one: ExactText, _ other: ExactText) throws(BrokenProperty) {
        try require((one == other) == (one.bytes == other.bytes), "texts are the same where their bytes are")
        try require(one != other || one.hashValue == other.hashValue, "the same text has the same hash")
        let precedes = one.bytes.lexicographicallyPrecedes(other.bytes)
        try require((one < other) == precedes, "texts are sorted by their bytes")
    }

    /// A double is the nearest there is, so that it never swaps two numbers.
    private static func checkNumbers(_ one: ExactText, _ other: ExactText) throws(BrokenProperty) {
        guard let left = ExactNumber(one), let right = ExactNumber(other) else { return }
        try require([left < right, left == right, right < left].count { $0 } == 1, "numbers are ordered")
        try require(one != other || left == right, "a number is itself")
        guard let (first, second) = doubles(one, other) else { return }
        try require(left != right || first == second, "the same number has the same double")
        try require(!(left < right) || first <= second, "doubles do not swap numbers")
    }

    private static func doubles(_ one: ExactText, _ other: ExactText) -> (Double, Double)? {
        guard let first = Double(String(one)), let second = Double(String(other)) else { return nil }
        return (first, second)
    }
}
