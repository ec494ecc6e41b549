import TokenExchange
import Yams

extension NodeReader {
    /// Any value that JSON can express. Quoted scalars stay strings; numbers keep their literal.
    ///
    /// - Parameter depth: how many lists and mappings may be nested; less than tokens and records allow.
    func jsonValue(depth: Int = 32) -> JSONValue? {
        if depth == 0, isList || isMapping {
            report(expected: "lists and mappings at most 32 deep", found: "more", remedy: "No token has room for them.")
            return nil
        }
        return switch node {
        case .scalar: jsonScalar()
        case .sequence: list { $0.jsonValue(depth: depth - 1) }.map(JSONValue.array)
        case .mapping: entries { name, value in member(name, value, depth: depth - 1) }.map(JSONValue.object)
        case .alias: nil
        }
    }

    /// Any value except a list or a mapping.
    func jsonScalar() -> JSONValue? {
        guard case .scalar(let scalar) = node else {
            report(expected: "a string, a number, a boolean or null")
            return nil
        }
        let value: JSONValue? =
            switch node.tagName {
            case .null: .null
            case .bool: scalar.string.jsonBoolean.map(JSONValue.bool)
            case .int, .float: scalar.string.jsonNumber.map { .number(literal: $0) }
            case .str, .timestamp, .value, .merge: .string(scalar.string)
            default: nil
            }
        if value == nil {
            report(
                expected: "a value as JSON writes it",
                remedy: "Write true, false or a decimal number, or put it in quotes if it is meant as a string.")
        }
        return value
    }

    private func member(_ name: String, _ value: NodeReader, depth: Int) -> JSONValue.Member? {
        value.jsonValue(depth: depth).map { JSONValue.Member(ExactText(name), $0) }
    }
}

extension String {
    /// Nil for `yes`, `no`, `on` and `off`, which are booleans in YAML 1.1 but strings in JSON.
    var jsonBoolean: Bool? {
        switch self {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }

    /// The text itself if it is a number of RFC 8259 §6; nil for YAML's other spellings.
    var jsonNumber: String? {
        if case .number? = try? JSONValue(parsing: Array(utf8)) { self } else { nil }
    }
}
