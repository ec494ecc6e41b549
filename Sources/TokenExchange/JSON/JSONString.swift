/// Escapes in JSON strings (RFC 8259 §7), for text that ``JSONScanner`` has accepted.
enum JSONString {
    /// Shares the memory of `text` if the content has no escapes.
    static func text(_ text: [UInt8], _ content: Range<Int>, isEscaped: Bool) -> ExactText {
        isEscaped ? ExactText(bytes: resolve(text[content])) : ExactText(bytes: text, content)
    }

    /// The first position from `start` on whose byte does not mean itself in a string: a quote, a backslash, a control
    /// character, or not ASCII. The end if there is none.
    static func endOfPlainText(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var position = start
        while let bytes = text.eightBytes(at: position) {
            let others = bytes.marks(of: "\"") | bytes.marks(of: "\\") | (bytes &- .each(0x20)) & ~bytes
            // A byte may be marked wrongly only above one that is marked rightly.
            let marks = (others | bytes) & .each(0x80)
            if marks != 0 { return position + marks.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < text.count, isPlain(text[position]) { position += 1 }
        return position
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        0x20..<0x80 ~= byte && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// The character that `\` and `byte` stand for; nil for `u`, and for what is not an escape.
    static func simpleEscape(_ byte: UInt8) -> Unicode.Scalar? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): Unicode.Scalar(byte)
        case UInt8(ascii: "b"): "\u{8}"
        case UInt8(ascii: "f"): "\u{C}"
        case UInt8(ascii: "n"): "\n"
        case UInt8(ascii: "r"): "\r"
        case UInt8(ascii: "t"): "\t"
        default: nil
        }
    }

    /// The value of exactly four hexadecimal digits; nil for anything else.
    static func codeUnit(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard digits.count == 4 else { return nil }
        var unit: UInt16 = 0
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = digit - UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt16(value)
        }
        return unit
    }

    private static func resolve(_ content: ArraySlice<UInt8>) -> [UInt8] {
        var units: [UInt16] = []
        var resolved: [UInt8] = []
        func flush() {
            resolved.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
            units.removeAll(keepingCapacity: true)
        }
        var rest = content
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                flush()
                resolved.append(byte)
                continue
            }
            if let scalar = simpleEscape(escape) {
                units.append(contentsOf: UTF16.encode(scalar)!)
            } else {
                units.append(codeUnit(rest.prefix(4)) ?? 0xFFFD)
                rest = rest.dropFirst(4)
            }
        }
        flush()
        return resolved
    }
}
