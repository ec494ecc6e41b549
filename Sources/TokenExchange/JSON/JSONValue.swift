/// A JSON value (RFC 8259). Numbers keep their literal, so that a claim that is copied from one token to another stays
/// the same.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(literal: ExactText)
    case string(ExactText)
    case array([JSONValue])
    /// In document order; names are unique.
    case object([Member])

    /// One member of an object.
    package struct Member: Sendable, Equatable {
        package let name: ExactText
        package let value: JSONValue

        package init(_ name: ExactText, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// A string from our own text.
    package static func string(_ text: String) -> JSONValue { .string(ExactText(text)) }

    /// - Parameter literal: a number by RFC 8259 §6; it is not checked.
    package static func number(literal: String) -> JSONValue { .number(literal: ExactText(literal)) }

    /// Nil for null, which counts as absent in a token.
    var unlessNull: JSONValue? {
        if case .null = self { nil } else { self }
    }

    /// Nil for anything but a string.
    package var string: ExactText? {
        if case .string(let string) = self { string } else { nil }
    }

    /// The value of a number, exact to the last digit; nil for anything else.
    package var exactNumber: ExactNumber? {
        if case .number(let literal) = self { ExactNumber(literal) } else { nil }
    }

    /// A number written without fraction or exponent, at most 2⁵³ from zero, so that a double holds it too; nil for
    /// anything else.
    package var integer: Int64? {
        guard case .number(let literal) = self, let integer = literal.withUTF8(\.decimal),
            integer.magnitude <= 9_007_199_254_740_992
        else { return nil }
        return integer
    }

    /// The double nearest to a number's value; nil for anything else.
    package var number: Double? {
        if case .number(let literal) = self { Double(String(literal)) } else { nil }
    }

    /// The first member of this name; nil if there is none, or the value is not an object.
    package subscript(name: ExactText) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }
}

// MARK: - Writing

extension JSONValue {
    /// Appends the value as compact JSON text.
    package func append(to text: inout [UInt8]) {
        switch self {
        case .null: text.append(contentsOf: "null".utf8)
        case .bool(let value): text.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let literal): literal.withUTF8 { text.append(contentsOf: $0) }
        case .string(let string): Self.append(string, to: &text)
        case .array(let values):
            text.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                value.append(to: &text)
            }
            text.append(UInt8(ascii: "]"))
        case .object(let members):
            text.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                Self.append(member.name, to: &text)
                text.append(UInt8(ascii: ":"))
                member.value.append(to: &text)
            }
            text.append(UInt8(ascii: "}"))
        }
    }

    /// The value as compact JSON text.
    package var text: [UInt8] {
        var text = [UInt8]()
        append(to: &text)
        return text
    }

    /// Appends a JSON string literal: in quotes, with the escapes that RFC 8259 §7 demands.
    package static func append(_ string: ExactText, to text: inout [UInt8]) {
        string.withUTF8 { append($0, to: &text) }
    }

    /// The same for text of our own.
    package static func append(_ string: String, to text: inout [UInt8]) {
        var string = string
        string.withUTF8 { append($0, to: &text) }
    }

    private static func append(_ string: UnsafeBufferPointer<UInt8>, to text: inout [UInt8]) {
        text.append(UInt8(ascii: "\""))
        let plainCount = JSONString.endOfPlainText(in: string, from: 0)
        text.append(contentsOf: string.prefix(plainCount))
        for byte in string.dropFirst(plainCount) { appendEscaped(byte, to: &text) }
        text.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func appendEscaped(_ byte: UInt8, to text: inout [UInt8]) {
        guard needsEscape(byte) else { return text.append(byte) }
        text.append(UInt8(ascii: "\\"))
        if byte >= 0x20 { return text.append(byte) }
        text.append(contentsOf: "u00".utf8)
        text.append(hexadecimal[Int(byte >> 4)])
        text.append(hexadecimal[Int(byte & 0xF)])
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}
