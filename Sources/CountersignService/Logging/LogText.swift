import Logging
import TokenExchange

/// Text in log lines, made harmless: whatever it holds, it stays on its line, and shows what it is.
///
/// A value is a JSON string. Besides what JSON demands, everything is escaped that a terminal or a log reader may act on:
/// control characters, those that write from right to left, and Unicode's own line breaks. Bytes that are not UTF-8 become U+FFFD.
enum LogText {
    /// Appends a value from the configuration, or from outside.
    static func append(_ text: ExactText, to line: inout [UInt8]) { text.withUTF8 { append($0, to: &line) } }

    /// Appends a value of our own making, which may quote others.
    static func append(_ text: String, to line: inout [UInt8]) {
        var text = text
        text.withUTF8 { append($0, to: &line) }
    }

    private static func append(_ text: UnsafeBufferPointer<UInt8>, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        if text.allSatisfy(isPlain) {
            line.append(contentsOf: text)
        } else {
            appendEscaped(text, quotes: true, to: &line)
        }
        line.append(UInt8(ascii: "\""))
    }

    /// Appends text without quotes around it: quotes and backslashes mean themselves.
    static func appendBare(_ text: String, to line: inout [UInt8]) {
        var text = text
        text.withUTF8 { appendEscaped($0, quotes: false, to: &line) }
    }

    /// Appends a value of a logger's metadata.
    static func append(_ value: Logger.MetadataValue, to line: inout [UInt8]) {
        switch value {
        case .string(let string): append(string, to: &line)
        case .stringConvertible(let number as any Numeric): line.append(contentsOf: "\(number)".utf8)
        case .stringConvertible(let value): append(value.description, to: &line)
        case .array(let values):
            appendList(values, in: (UInt8(ascii: "["), UInt8(ascii: "]")), to: &line) { append($0, to: &$1) }
        case .dictionary(let values):
            appendList(values.sorted { $0.key < $1.key }, in: (UInt8(ascii: "{"), UInt8(ascii: "}")), to: &line) {
                member, line in
                append(member.key, to: &line)
                line.append(UInt8(ascii: ":"))
                append(member.value, to: &line)
            }
        }
    }

    private static func appendList<Element>(
        _ elements: [Element], in brackets: (UInt8, UInt8), to line: inout [UInt8],
        _ append: (Element, inout [UInt8]) -> Void
    ) {
        line.append(brackets.0)
        for (index, element) in elements.enumerated() {
            if index > 0 { line.append(UInt8(ascii: ",")) }
            append(element, &line)
        }
        line.append(brackets.1)
    }

    // MARK: Escapes

    private static func isPlain(_ byte: UInt8) -> Bool {
        0x20..<0x7F ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, quotes: Bool, to line: inout [UInt8]) {
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            if quotes, scalar == "\"" || scalar == "\\" {
                line.append(UInt8(ascii: "\\"))
                line.append(UInt8(scalar.value))
            } else if isHarmful(scalar) {
                for unit in UTF16.encode(scalar)! { appendEscape(unit, to: &line) }
            } else {
                line.append(contentsOf: UTF8.encode(scalar)!)
            }
        }
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func appendEscape(_ unit: UInt16, to line: inout [UInt8]) {
        line.append("\\u")
        appendHexadecimal(UInt64(unit), digits: 4, to: &line)
    }

    // MARK: Numbers

    /// Appends the last `digits` hexadecimal digits of a number.
    static func appendHexadecimal(_ number: UInt64, digits: Int, to line: inout [UInt8]) {
        for place in (0..<digits).reversed() {
            let digit = UInt8(truncatingIfNeeded: number >> (4 * place) & 0xF)
            line.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    /// Appends `number` / 1000 with one to three decimal places.
    static func append(thousandths number: Int64, to line: inout [UInt8]) {
        if number < 0 { line.append(UInt8(ascii: "-")) }
        line.append(decimal: Int64(number.magnitude / 1000))
        line.append(UInt8(ascii: "."))
        var rest = number.magnitude % 1000
        var divisor: UInt64 = 100
        repeat {
            line.append(UInt8(ascii: "0") + UInt8(rest / divisor))
            rest %= divisor
            divisor /= 10
        } while rest > 0
    }
}
