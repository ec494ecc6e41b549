extension JSONValue {
    /// JSON for people: one member per line, two spaces per level, a newline at the end.
    package var indentedText: [UInt8] {
        var text: [UInt8] = []
        appendIndented(to: &text, indentation: 0)
        text.append(UInt8(ascii: "\n"))
        return text
    }

    private func appendIndented(to text: inout [UInt8], indentation: Int) {
        switch self {
        case .array(let values) where !values.isEmpty:
            Self.appendLines(values, "[", "]", to: &text, indentation) { value, text in
                value.appendIndented(to: &text, indentation: indentation + 2)
            }
        case .object(let members) where !members.isEmpty:
            Self.appendLines(members, "{", "}", to: &text, indentation) { member, text in
                Self.append(member.name, to: &text)
                text.append(contentsOf: ": ".utf8)
                member.value.appendIndented(to: &text, indentation: indentation + 2)
            }
        default: append(to: &text)
        }
    }

    private static func appendLines<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, to text: inout [UInt8], _ indentation: Int,
        _ append: (Element, inout [UInt8]) -> Void
    ) {
        text.append(contentsOf: opening.utf8)
        for (index, element) in elements.enumerated() {
            text.append(contentsOf: index == 0 ? "\n".utf8 : ",\n".utf8)
            text.append(contentsOf: String(repeating: " ", count: indentation + 2).utf8)
            append(element, &text)
        }
        text.append(contentsOf: "\n\(String(repeating: " ", count: indentation))\(closing)".utf8)
    }
}
