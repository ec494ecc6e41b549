/// A JSON object from outside that has passed ``JSONScanner``: where each top-level member stands, values unread.
package struct JSONObject: Sendable, Redacted {
    private let text: [UInt8]
    private let members: [(name: String, value: Range<Int>)]

    /// - Throws: ``JSONError``; nothing of an object with one fault is usable.
    package init(_ text: [UInt8], limits: JSONLimits) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits)
        var members: [(JSONScanner.ScannedString, Range<Int>)] = []
        try scanner.scanDocument { name, value in members.append((name, value)) }
        self.text = text
        self.members = members.map { name, value in
            (JSONString.decode(text[name.range], isEscaped: name.isEscaped), value)
        }
    }

    package func contains(_ name: String) -> Bool { range(name) != nil }

    /// The bytes of a string value with escapes resolved; nil where the member is absent or no string.
    package func stringBytes(_ name: String) -> [UInt8]? {
        guard let range = range(name), text[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return JSONString.bytes(text[(range.lowerBound + 1)..<(range.upperBound - 1)])
    }

    package func string(_ name: String) -> String? {
        stringBytes(name).map { String(decoding: $0, as: UTF8.self) }
    }

    package var names: [String] { members.map(\.name) }

    private func range(_ name: String) -> Range<Int>? {
        members.first { $0.name == name }?.value
    }
}

extension JSONValue {
    /// Reads JSON text of any type, as strictly as ``JSONScanner`` does.
    package init(parsing text: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var scanner = JSONScanner(text, limits: limits)
        self = try scanner.readDocument()
    }
}
