package import TokenExchange

/// The value of a metric's label: a constant of the program, a case of an enumeration, a small number, or a name from the
/// configuration. It cannot be made of text that a request brings, so callers cannot create series.
package struct LabelValue: Hashable, Sendable {
    package let text: String

    package init<Case: RawRepresentable & CaseIterable>(_ value: Case) where Case.RawValue == String {
        text = value.rawValue
    }

    package init(_ name: ConfiguredName) { text = String(name.text) }

    /// Of a status or an event loop.
    package init(_ number: UInt16) { text = String(number) }

    /// A closed set too, though one of two levels.
    init(_ error: CallbackBodyError) { text = error.reason }

    /// Of a label that says nothing about this series.
    package static let absent: LabelValue = ""
}

extension LabelValue: ExpressibleByStringLiteral {
    /// Takes literals only: no other text is a `StaticString`.
    package init(stringLiteral text: StaticString) { self.text = "\(text)" }
}

extension LabelValue: CustomStringConvertible {
    package var description: String { text }
}
