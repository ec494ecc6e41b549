/// JSON documents made up from a seed, the same in every run: what readers disagree about, more often than by chance.
package struct GeneratedJSON {
    private var generator: SeededGenerator

    package init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    /// An object, valid or not; one in two has been damaged.
    package mutating func next() -> [UInt8] {
        var text = Array(object(depth: 0).utf8)
        guard Bool.random(using: &generator) else { return text }
        for _ in 0...Int.random(in: 0..<3, using: &generator) { damage(&text) }
        return text
    }

    /// Whether a number is more than 64 bits or a double hold. Other readers refuse the document then, whoever asks for it.
    package static func hasNumberTooLarge(_ text: [UInt8]) -> Bool {
        String(decoding: text, as: UTF8.self).split { !"+-.eE0123456789".contains($0) }.contains { piece in
            // Of words and addresses there are pieces as well.
            guard piece.first(where: { $0 != "-" })?.isNumber == true else { return false }
            return piece.allSatisfy { "-0123456789".contains($0) }
                ? Int64(piece) == nil : Double(piece)?.isFinite != true
        }
    }

    private static let names = [
        "a", "b", "iss", "exp", "", "K", "\u{212A}", "é", "e\u{301}", "a/b", #"a\/b"#, #"\u0061"#, #"\u00e9"#,
        #"\u0000"#,
        #"\ud83d\ude00"#, "😀", #"\ud800"#, #"\"\\"#, "x.y[0]", "http://newstore/tenant", "\u{200D}", "A\u{30A}", "Å",
    ]
    private static let strings = [
        "", "acme", "Zoë 漢字 🧾", #"\b\f\n\r\t\/\\\""#, #"\u001f\u007F"#, #"\uD83D\uDE00"#, #"\uDC00"#, #"\u0000"#,
        "\u{7F}",
        #"\uFFFF"#, "\u{10FFFF}", #"\x"#, #"\u12"#,
    ]
    private static let literals = [
        "0", "-0", "1", "-7", "1.5", "-0.5e+3", "1e3", "1E-2", "1e308", "-1e400", "1e400", "1e-400", "4.9e-324", "01",
        "+1",
        ".5", "1.", "9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
        "18446744073709551615", "-9223372036854775809", "0.1", "1.7976931348623157e308", "1.7976931348623159e308",
        "true", "false", "null", "nul", "NaN", "Infinity",
    ]
    private static let space = ["", "", "", " ", "\t", "\r\n"]

    private mutating func object(depth: Int) -> String {
        let members = (0..<count(depth)).map { _ in
            "\(space)\"\(one(of: Self.names))\"\(space):\(space)\(value(depth: depth + 1))\(space)"
        }
        return "{" + members.joined(separator: ",") + "}"
    }

    private mutating func value(depth: Int) -> String {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0...2: return "\"\(one(of: Self.strings))\""
        case 3...5: return one(of: Self.literals)
        case 6: return object(depth: depth)
        default: return "[" + (0..<count(depth)).map { _ in value(depth: depth + 1) }.joined(separator: ",") + "]"
        }
    }

    private mutating func count(_ depth: Int) -> Int { depth > 4 ? 0 : Int.random(in: 0..<5, using: &generator) }

    private var space: String { mutating get { one(of: Self.space) } }

    /// The first half of a list is chosen more often than the rest, which is mostly refused.
    private mutating func one(of choices: [String]) -> String {
        let end = Int.random(in: 0..<4, using: &generator) == 0 ? choices.count : (choices.count + 1) / 2
        return choices[Int.random(in: 0..<end, using: &generator)]
    }

    private mutating func damage(_ text: inout [UInt8]) {
        guard let position = text.indices.randomElement(using: &generator) else { return }
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: text.remove(at: position)
        case 2: text.insert(text.randomElement(using: &generator) ?? 0, at: position)
        default:
            text.insert(contentsOf: Array("{}[]\",:\\ue1 ".utf8).shuffled(using: &generator).prefix(2), at: position)
        }
    }
}
