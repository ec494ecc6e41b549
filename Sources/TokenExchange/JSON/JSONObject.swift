/// A JSON object from outside that ``JSONScanner`` has accepted. It knows where each top-level member is; values are
/// read when asked for.
package struct JSONObject: Sendable, Redacted {
    private let text: [UInt8]
    private let members: [Member]

    /// Where a member is in the text.
    package struct Member {
        let name: JSONScanner.Piece
        let value: JSONScanner.Piece
        /// The quick hash of the name with escapes resolved.
        let hash: UInt64
    }

    /// - Parameter strictness: with ``JSONStrictness/grammar`` the first of two members of one name is found, and
    ///   members are not counted.
    package init(
        _ text: [UInt8], limits: JSONLimits, strictness: JSONStrictness = .unambiguous
    ) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits, strictness: strictness)
        members = try scanner.scanDocument()
        self.text = text
    }

    /// True for null, too.
    package func contains(_ name: ExactText) -> Bool { member(name) != nil }

    /// The same, but false for null.
    func has(_ name: ExactText) -> Bool {
        member(name).map { text[$0.value.range.lowerBound] != UInt8(ascii: "n") } ?? false
    }

    /// A string value with escapes resolved; nil if the member is absent or not a string.
    package func string(_ name: ExactText) -> ExactText? { member(name).flatMap(string(of:)) }

    /// A value of any type; nil if the member is absent.
    package subscript(name: ExactText) -> JSONValue? { member(name).flatMap(value(of:)) }

    /// A value of any type.
    package func value(of member: Member) -> JSONValue? {
        if let string = string(of: member) { return .string(string) }
        var scanner = acceptedText
        return try? scanner.readValue(at: member.value.range.lowerBound)
    }

    /// Nil if the value is not a string.
    func string(of member: Member) -> ExactText? {
        let range = member.value.range
        guard text[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return JSONString.text(text, range.dropFirst().dropLast(), isEscaped: member.value.isEscaped)
    }

    /// The JSON text of each element of an array; nil if the member is absent or not an array.
    package func elements(_ name: ExactText) -> [ArraySlice<UInt8>]? {
        guard let value = member(name)?.value else { return nil }
        var scanner = acceptedText
        return (try? scanner.scanElements(at: value.range.lowerBound))??.map { text[$0] }
    }

    /// Reads the text again without the checks that it has passed.
    private var acceptedText: JSONScanner {
        JSONScanner(text, limits: JSONLimits(depth: .max, members: .max), strictness: .grammar)
    }

    /// Top-level names in document order, escapes resolved.
    package var names: [ExactText] { members.map { name(of: $0) } }

    /// Calls `body` with each top-level member, in document order: the quick hash of its name, and the value as it is
    /// written. Allocates nothing.
    func forEachMember(_ body: (_ nameHash: UInt64, _ value: UnsafeBufferPointer<UInt8>) -> Void) {
        text.withUnsafeBufferPointer { text in
            for member in members { body(member.hash, UnsafeBufferPointer(rebasing: text[member.value.range])) }
        }
    }

    /// The text of an object with only these members, copied byte for byte.
    package func text(keeping names: [ExactText]) -> [UInt8] {
        var kept = [UInt8(ascii: "{")]
        for name in names { member(name).map { append($0, to: &kept) } }
        kept.append(UInt8(ascii: "}"))
        return kept
    }

    /// Appends a member, byte for byte, to an object's text that is not closed yet.
    package func append(_ member: Member, to object: inout [UInt8]) {
        if object.count > 1 { object.append(UInt8(ascii: ",")) }
        // From the quote before the name on.
        object.append(contentsOf: text[(member.name.range.lowerBound - 1)..<member.value.range.upperBound])
    }

    /// The text between the braces.
    package var membersText: ArraySlice<UInt8> {
        guard let first = text.firstIndex(of: UInt8(ascii: "{")), let last = text.lastIndex(of: UInt8(ascii: "}"))
        else {
            return []
        }
        return text[(first + 1)..<last]
    }

    /// Nil if there is none of this name.
    package func member(_ name: ExactText) -> Member? {
        let hash = name.withUTF8(\.quickHash)
        return members.first { $0.hash == hash && self.name(of: $0) == name }
    }

    private func name(of member: Member) -> ExactText {
        JSONString.text(text, member.name.range, isEscaped: member.name.isEscaped)
    }
}

extension JSONScanner {
    /// The content of a string without its quotes, or the text of a whole value; and whether it is a string with escapes.
    struct Piece {
        // Half the size of a range: the members of most objects then fit into malloc's quick lists.
        private let start, end: UInt32
        let isEscaped: Bool

        init(range: Range<Int>, isEscaped: Bool) {
            (start, end) = (UInt32(clamping: range.lowerBound), UInt32(clamping: range.upperBound))
            self.isEscaped = isEscaped
        }

        var range: Range<Int> { Int(start)..<Int(end) }
    }
}

extension JSONValue {
    /// Reads a JSON text of any type, unambiguous only (``JSONStrictness``).
    package init(parsing text: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits)
        self = try scanner.readDocument()
    }
}

extension JSONObject: Equatable {
    /// Compares the texts byte for byte.
    package static func == (left: JSONObject, right: JSONObject) -> Bool { left.text == right.text }
}
