/// A place in a JSON document (RFC 6901).
package struct JSONPointer: Sendable, Hashable {
    private let steps: [ExactText]

    /// An empty text points to the whole document. Nil if the text is not a pointer: it does not begin with a slash, or
    /// has a `~` that is followed by neither 0 nor 1.
    package init?(_ text: ExactText) {
        guard !text.isEmpty else {
            steps = []
            return
        }
        guard text.hasPrefix("/") else { return nil }
        var steps: [ExactText] = []
        for token in text.bytes.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let step = Self.unescaped(token) else { return nil }
            steps.append(step)
        }
        self.steps = steps
    }

    /// As in the configuration.
    package var text: String {
        steps.reduce(into: "") { text, step in
            text += "/"
            for scalar in String(step).unicodeScalars {
                switch scalar {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.unicodeScalars.append(scalar)
                }
            }
        }
    }

    /// Nil if there is nothing at this place.
    package func value(in document: JSONValue) -> JSONValue? {
        var value: JSONValue? = document
        for step in steps {
            switch value {
            case .object: value = value?[step]
            case .array(let elements):
                value = Self.index(step).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            default: return nil
            }
        }
        return value
    }

    private static func unescaped(_ token: ArraySlice<UInt8>) -> ExactText? {
        var step: [UInt8] = []
        var rest = token
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "~") else {
                step.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "0"): step.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): step.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        return ExactText(bytes: step)
    }

    /// RFC 6901 §4: decimal digits without a leading zero.
    private static func index(_ step: ExactText) -> Int? {
        guard step == "0" || !step.hasPrefix("0"), step.bytes.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(String(step))
    }
}
