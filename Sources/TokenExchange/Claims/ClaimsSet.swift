/// The claims of a genuine token (RFC 7519 §4) that were asked for. JSON null counts as absent.
package struct ClaimsSet: Sendable, Redacted {
    private let values: [ExactText: JSONValue]

    /// - Parameter values: by top-level name.
    package init(_ values: [ExactText: JSONValue]) {
        self.values = values.filter { $0.value != .null }
    }

    /// A top-level claim; nil if it is absent, null, or was not asked for.
    package subscript(name: ExactText) -> JSONValue? { values[name] }

    /// The value at `path`, or nil if a step is absent, null, or passes through a value that is not an object.
    package func value(at path: ClaimPath) -> JSONValue? {
        var value = values[path.root]
        for name in path.rest { value = value?[name] }
        return value == .null ? nil : value
    }
}
