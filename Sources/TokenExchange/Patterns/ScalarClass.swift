/// The characters that may be at one place of a pattern. Names such as `\w` and `[:alpha:]` mean ASCII only.
struct ScalarClass: Sendable, Equatable {
    /// A bit for each ASCII character.
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    /// Characters beyond ASCII.
    private var others: Set<Unicode.Scalar> = []
    /// Whether `others` are the ones that are not in the class.
    private var excludesOthers = false

    static let any = ScalarClass().inverted

    init() {}

    init(_ scalar: Unicode.Scalar) {
        insert(scalar)
    }

    init(_ ranges: ClosedRange<Unicode.Scalar>...) {
        for range in ranges { insert(range) }
    }

    /// Whether no character is in it.
    var isEmpty: Bool { self == ScalarClass() }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<64: low >> UInt64(scalar.value) & 1 == 1
        case 64..<128: high >> UInt64(scalar.value - 64) & 1 == 1
        default: others.contains(scalar) != excludesOthers
        }
    }

    mutating func insert(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0..<64: low |= 1 << UInt64(scalar.value)
        case 64..<128: high |= 1 << UInt64(scalar.value - 64)
        default:
            if excludesOthers { others.remove(scalar) } else { others.insert(scalar) }
        }
    }

    /// - Parameter range: of ASCII characters.
    mutating func insert(_ range: ClosedRange<Unicode.Scalar>) {
        for value in range.lowerBound.value...range.upperBound.value { insert(Unicode.Scalar(UInt8(value))) }
    }

    mutating func formUnion(_ other: ScalarClass) {
        low |= other.low
        high |= other.high
        switch (excludesOthers, other.excludesOthers) {
        case (false, false): others.formUnion(other.others)
        case (true, true): others.formIntersection(other.others)
        case (true, false): others.subtract(other.others)
        case (false, true): (others, excludesOthers) = (other.others.subtracting(others), true)
        }
    }

    var inverted: ScalarClass {
        var inverted = self
        (inverted.low, inverted.high, inverted.excludesOthers) = (~low, ~high, !excludesOthers)
        return inverted
    }
}

extension ScalarClass {
    static let digit = ScalarClass("0"..."9")
    static let word = ScalarClass("a"..."z", "A"..."Z", "0"..."9", "_"..."_")
    static let space = ScalarClass("\t"..."\r", " "..." ")

    /// The classes of POSIX brackets, such as `[:alpha:]`.
    static let named: [(name: String, members: ScalarClass)] = [
        ("alnum", ScalarClass("a"..."z", "A"..."Z", "0"..."9")), ("alpha", ScalarClass("a"..."z", "A"..."Z")),
        ("blank", ScalarClass("\t"..."\t", " "..." ")), ("cntrl", ScalarClass("\0"..."\u{1F}", "\u{7F}"..."\u{7F}")),
        ("digit", digit), ("graph", ScalarClass("!"..."~")), ("lower", ScalarClass("a"..."z")),
        ("print", ScalarClass(" "..."~")), ("punct", ScalarClass("!"..."/", ":"..."@", "["..."`", "{"..."~")),
        ("space", space), ("upper", ScalarClass("A"..."Z")), ("xdigit", ScalarClass("0"..."9", "a"..."f", "A"..."F")),
    ]

    /// `\d`, `\w`, `\s`, and their opposites `\D`, `\W`, `\S`. Nil for anything else.
    init?(escape: Unicode.Scalar) {
        switch escape {
        case "d": self = .digit
        case "w": self = .word
        case "s": self = .space
        case "D": self = .digit.inverted
        case "W": self = .word.inverted
        case "S": self = .space.inverted
        default: return nil
        }
    }
}
