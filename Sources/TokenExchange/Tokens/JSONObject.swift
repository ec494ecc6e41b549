/// A JSON object from outside that has passed ``JSONScanner``: where each top-level member stands, values unread.
package struct JSONObject: Sendable, Redacted {
    private let text: [UInt8]
    private let members: [Member]

    private struct Member {
        let name: JSONScanner.ScannedString
        let value: Range<Int>
    }

    /// - Throws: ``JSONError``; nothing of an object with one fault is usable.
    package init(_ text: [UInt8], limits: JSONLimits) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits)
        var members: [Member] = []
        members.reserveCapacity(32)
        try scanner.scanDocument { name, value in members.append(Member(name: name, value: value)) }
        self.text = text
        self.members = members
    }

    package func contains(_ name: String) -> Bool { value(name) != nil }

    /// The bytes of a string value with escapes resolved; nil where the member is absent or no string.
    package func stringBytes(_ name: String) -> [UInt8]? {
        guard let value = value(name), text[value.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return JSONString.bytes(text[(value.lowerBound + 1)..<(value.upperBound - 1)])
    }

    package func string(_ name: String) -> String? {
        stringBytes(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Top-level names in document order, escapes resolved.
    package var names: [String] { members.map { name(of: $0) } }

    /// The object with these members alone, their values to the letter.
    package func text(keeping names: [String]) -> [UInt8] {
        var kept = [UInt8(ascii: "{")]
        kept.reserveCapacity(512)
        for name in names {
            guard let value = value(name) else { continue }
            if kept.count > 1 { kept.append(UInt8(ascii: ",")) }
            JSONValue.append(name, to: &kept)
            kept.append(UInt8(ascii: ":"))
            kept.append(contentsOf: text[value])
        }
        kept.append(UInt8(ascii: "}"))
        return kept
    }

    /// What stands between the braces, to the letter.
    package var membersText: ArraySlice<UInt8> {
        guard let first = text.firstIndex(of: UInt8(ascii: "{")), let last = text.lastIndex(of: UInt8(ascii: "}"))
        else {
            return []
        }
        return text[(first + 1)..<last]
    }

    private func value(_ name: String) -> Range<Int>? {
        members.first { member in
            member.name.isEscaped
                ? self.name(of: member).utf8.elementsEqual(name.utf8)
                : member.name.range.count == name.utf8.count && text[member.name.range].elementsEqual(name.utf8)
        }?.value
    }

    private func name(of member: Member) -> String {
        JSONString.decode(text[member.name.range], isEscaped: member.name.isEscaped)
    }
}

extension JSONValue {
    /// Reads JSON text of any type, as strictly as ``JSONScanner`` does.
    package init(parsing text: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits)
        self = try scanner.readDocument()
    }
}

extension JSONObject: Equatable {
    /// By their text, to the letter.
    package static func == (left: JSONObject, right: JSONObject) -> Bool { left.text == right.text }
}
