/// Finds what an unknown name was probably meant to be.
struct KnownNames {
    private let names: [String]

    /// - Parameter names: the names that would be accepted.
    init(_ names: [String]) {
        self.names = names
    }

    /// `Did you mean …?`, or nil if no known name is similar.
    func suggestion(for name: String) -> String? {
        nearest(to: name).map { "Did you mean `\($0)`?" }
    }

    /// Suggests the most similar name, or lists all if none is similar.
    ///
    /// - Parameter plural: what the names are: "keys", "tenants".
    func remedy(for name: String, plural: String) -> String {
        suggestion(for: name) ?? "The \(plural) here are \(names.joined(separator: ", "))."
    }

    /// A third of the bytes may differ, and two in any case.
    private func nearest(to name: String) -> String? {
        let candidates = names.map { (name: $0, distance: Self.distance(Array(name.utf8), Array($0.utf8))) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(2, name.utf8.count / 3) && best.distance < best.name.utf8.count ? best.name : nil
    }

    /// Levenshtein distance: how many bytes must be inserted, deleted or replaced.
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var previous = Array(0...other.count)
        for (row, byte) in one.enumerated() {
            var current = [row + 1]
            for (column, otherByte) in other.enumerated() {
                let replaced = previous[column] + (byte == otherByte ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[other.count]
    }
}
