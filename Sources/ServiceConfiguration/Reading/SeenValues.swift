import TokenExchange

/// Values that a file may have only once, and the line where each was first seen.
final class SeenValues {
    private let what: String
    private var places: [ExactText: Int] = [:]

    /// - Parameter what: what messages call such a value.
    init(_ what: String) {
        self.what = what
    }

    /// Records a value.
    /// - Returns: `value`; nil, and reported, if it was seen before.
    func record(_ value: String, at reader: NodeReader) -> String? {
        guard let first = places.updateValue(reader.line, forKey: ExactText(value)) else { return value }
        places[ExactText(value)] = first
        reader.report(
            expected: "each \(what) once", found: "\(excerpt(of: value)) again; it stands in line \(first) already")
        return nil
    }
}
