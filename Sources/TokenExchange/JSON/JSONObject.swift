/// A JSON object from outside that ``JSONScanner`` has accepted. It knows where each top-level member is; values are
/// read when asked for.
package struct JSONObject: Sendable, Redacted {
    private let text: [UInt8]
    private let members: [Member]
    private let limits: JSONLimits
    private let strictness: JSONStrictness

    private struct Member {
        let name: JSONScanner.Piece
        let value: JSONScanner.Piece
    }

    /// - Parameter strictness: with ``JSONStrictness/grammar`` the first of two members of one name is found, and
    ///   members are not counted.
    package init(
        _ text: [UInt8], limits: JSONLimits, strictness: JSONStrictness = .unambiguous
    ) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits, strictness: strictness)
        var members: [Member] = []
        members.reserveCapacity(32)
        try scanner.scanDocument { name, value in members.append(Member(name: name, value: value)) }
        self.text = text
        self.members = members
        self.limits = limits
        self.strictness = strictness
    }

    /// True for null, too.
    package func contains(_ name: ExactText) -> Bool { value(name) != nil }

    /// A string value with escapes resolved; nil if the member is absent or not a string.
    package func string(_ name: ExactText) -> ExactText? {
        guard let value = value(name), text[value.range.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return JSONString.text(text[value.range].dropFirst().dropLast(), isEscaped: value.isEscaped)
    }

    /// A value of any type; nil if the member is absent.
    package subscript(name: ExactText) -> JSONValue? {
        guard let value = value(name) else { return nil }
        var scanner = JSONScanner(text, limits: limits, strictness: strictness)
        return try? scanner.readValue(at: value.range.lowerBound)
    }

    /// The JSON text of each element of an array; nil if the member is absent or not an array.
    package func elements(_ name: ExactText) -> [ArraySlice<UInt8>]? {
        guard let value = value(name) else { return nil }
        var scanner = JSONScanner(text, limits: limits, strictness: strictness)
        return (try? scanner.scanElements(at: value.range.lowerBound))??.map { text[$0] }
    }

    /// Top-level names in document order, escapes resolved.
    package var names: [ExactText] { members.map { name(of: $0) } }

    /// Calls `body` with each top-level member, in document order: the name without quotes and the value, both as they
    /// are written. Allocates nothing.
    func forEachMember(_ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Void) {
        text.withUnsafeBufferPointer { text in
            for member in members {
                body(
                    UnsafeBufferPointer(rebasing: text[member.name.range]),
                    UnsafeBufferPointer(rebasing: text[member.value.range]))
            }
        }
    }

    /// The text of an object with only these members, whose values are copied byte for byte.
    package func text(keeping names: [ExactText]) -> [UInt8] {
        var kept = [UInt8(ascii: "{")]
        kept.reserveCapacity(512)
        for name in names {
            guard let value = value(name) else { continue }
            if kept.count > 1 { kept.append(UInt8(ascii: ",")) }
            JSONValue.append(name, to: &kept)
            kept.append(UInt8(ascii: ":"))
            kept.append(contentsOf: text[value.range])
        }
        kept.append(UInt8(ascii: "}"))
        return kept
    }

    /// The text between the braces.
    package var membersText: ArraySlice<UInt8> {
        guard let first = text.firstIndex(of: UInt8(ascii: "{")), let last = text.lastIndex(of: UInt8(ascii: "}"))
        else {
            return []
        }
        return text[(first + 1)..<last]
    }

    private func value(_ name: ExactText) -> JSONScanner.Piece? {
        name.withUTF8 { wanted in
            text.withUnsafeBufferPointer { text in
                members.first { member in
                    member.name.isEscaped
                        ? self.name(of: member) == name
                        : wanted.isEqual(to: UnsafeBufferPointer(rebasing: text[member.name.range]))
                }?.value
            }
        }
    }

    private func name(of member: Member) -> ExactText {
        JSONString.text(text[member.name.range], isEscaped: member.name.isEscaped)
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
