/// A place in a JSON document (RFC 6901).
package struct JSONPointer: Sendable, Hashable {
    private let steps: [String]

    /// Nil where the text is no pointer: it begins with something else than a slash, or a `~` is followed by neither 0 nor 1.
    package init?(_ text: String) {
        guard !text.isEmpty else {
            steps = []
            return
        }
        guard text.hasPrefix("/") else { return nil }
        var steps: [String] = []
        for token in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let step = Self.unescaped(token) else { return nil }
            steps.append(step)
        }
        self.steps = steps
    }

    /// As the configuration writes it.
    package var text: String {
        steps.reduce(into: "") { text, step in
            text += "/"
            for character in step {
                switch character {
                case "~": text += "~0"
                case "/": text += "~1"
                default: text.append(character)
                }
            }
        }
    }

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

    private static func unescaped(_ token: Substring) -> String? {
        var step = ""
        var rest = token
        while let character = rest.popFirst() {
            guard character == "~" else {
                step.append(character)
                continue
            }
            switch rest.popFirst() {
            case "0": step.append("~")
            case "1": step.append("/")
            default: return nil
            }
        }
        return step
    }

    /// RFC 6901 §4: decimal digits without a leading zero.
    private static func index(_ step: String) -> Int? {
        guard step == "0" || !step.hasPrefix("0"), step.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(step)
    }
}
