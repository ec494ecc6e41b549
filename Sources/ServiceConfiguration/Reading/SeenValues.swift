import TokenExchange

/// Values that may stand in a file only once, and where each was first seen.
final class SeenValues {
    private let what: String
    private var places: [ExactText: Int] = [:]

    /// - Parameter what: as messages call such a value.
    init(_ what: String) {
        self.what = what
    }

    /// - Returns: `value`; nil, and a problem, where it was seen before.
    func note(_ value: String, at reader: NodeReader) -> String? {
        guard let first = places.updateValue(reader.line, forKey: ExactText(value)) else { return value }
        places[ExactText(value)] = first
        reader.report(
            expected: "each \(what) once", found: "\(excerpt(of: value)) again; it stands in line \(first) already")
        return nil
    }
}
