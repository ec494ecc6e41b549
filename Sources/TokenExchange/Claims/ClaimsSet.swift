/// The claims of a genuine token (RFC 7519 §4), as far as anybody asks for them. JSON null counts as absent.
package struct ClaimsSet: Sendable, Redacted {
    private let values: [ExactText: JSONValue]

    package init(_ values: [ExactText: JSONValue]) {
        self.values = values.filter { $0.value != .null }
    }

    package subscript(name: ExactText) -> JSONValue? { values[name] }

    /// The value at `path`, or nil if a step is absent, null, or leads through something that is no object.
    package func value(at path: ClaimPath) -> JSONValue? {
        var value = values[path.root]
        for name in path.rest { value = value?[name] }
        return value == .null ? nil : value
    }
}
