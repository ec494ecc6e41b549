import Yams

extension NodeReader {
    /// A string that is not empty.
    /// - Parameter what: what messages call it.
    func string(_ what: String = "a string") -> String? {
        switch (node, node.tagName) {
        case (.scalar(let scalar), .str), (.scalar(let scalar), .timestamp), (.scalar(let scalar), .value):
            if !scalar.string.isEmpty { return scalar.string }
            report(expected: what, found: "an empty string")
        case (.scalar, .int), (.scalar, .float), (.scalar, .bool):
            report(expected: what, remedy: "Put it in quotes if it is meant as a string.")
        default:
            report(expected: what)
        }
        return nil
    }

    /// Decimal digits only: YAML's octal, hexadecimal and base-60 numbers surprise more often than they help.
    func integer(in range: ClosedRange<Int>) -> Int? {
        if case .scalar(let scalar) = node, node.tagName == .int, let literal = scalar.string.jsonNumber,
            let number = Int(literal), range.contains(number)
        {
            return number
        }
        report(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    /// A part of a whole, from 0 to 1.
    func ratio() -> Double? {
        if case .scalar(let scalar) = node, [.int, .float].contains(node.tagName),
            let ratio = scalar.string.jsonNumber.flatMap(Double.init), (0...1).contains(ratio)
        {
            return ratio
        }
        report(expected: "a number from 0 to 1, such as 0.01")
        return nil
    }

    /// - Parameter expected: what messages say would be accepted.
    func boolean(_ expected: String = "true or false") -> Bool? {
        guard case .scalar(let scalar) = node, node.tagName == .bool, let value = scalar.string.jsonBoolean else {
            report(expected: expected)
            return nil
        }
        return value
    }

    /// One of the raw values of an enumeration.
    func choice<Choice>(_ type: Choice.Type = Choice.self) -> Choice?
    where Choice: CaseIterable & RawRepresentable<String> {
        choice(of: Array(Choice.allCases))
    }

    /// One of the raw values of these cases.
    func choice<Choice: RawRepresentable<String>>(of choices: [Choice]) -> Choice? {
        let names = choices.map(\.rawValue)
        let what = "one of \(names.joined(separator: ", "))"
        guard let name = string(what) else { return nil }
        if let choice = choices.first(where: { $0.rawValue == name }) { return choice }
        report(expected: what, remedy: KnownNames(names).suggestion(for: name))
        return nil
    }

    /// The name of something that the file defines elsewhere.
    /// - Parameters:
    ///   - what: what messages call it, in the singular.
    ///   - known: the names that exist. If there are none, their own list is at fault and has been reported.
    func reference(to what: String, among known: [String]) -> String? {
        guard let name = string("the name of \(what.article)") else { return nil }
        if known.contains(name) { return name }
        if known.isEmpty { return nil }
        report(
            expected: "the name of \(what.article)",
            remedy: KnownNames(known).remedy(for: name, plural: what + "s"))
        return nil
    }

    /// A list of strings in which none is repeated.
    func distinctStrings(atLeast minimum: Int = 0, _ read: (NodeReader) -> String? = { $0.string() }) -> [String]? {
        let seen = SeenValues("value")
        return list(atLeast: minimum) { element in read(element).flatMap { seen.record($0, at: element) } }
    }

    /// A name that is safe in a URL's path, in a metric's label and in a log line.
    func name() -> String? {
        let what = "a name of 1 to 64 lower-case letters, digits, `-`, `_` and `.`, with a letter or digit in front"
        guard let name = string(what) else { return nil }
        let bytes = name.utf8
        let isLetterOrDigit = { (byte: UInt8) in (byte.isASCIIWordByte && byte != UInt8(ascii: "_")) }
        guard bytes.count <= 64, bytes.first.map(isLetterOrDigit) == true, name == name.lowercased(),
            bytes.allSatisfy({ $0.isASCIIWordByte || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") })
        else {
            report(expected: what)
            return nil
        }
        return name
    }
}

extension String {
    fileprivate var article: String { (first.map("aeiou".contains) == true ? "an " : "a ") + self }
}
