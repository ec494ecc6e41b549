/// "Did you mean" for names that nobody knows.
struct KnownNames {
    private let names: [String]

    init(_ names: [String]) {
        self.names = names
    }

    /// Nil if no name is near.
    func suggestion(for name: String) -> String? {
        nearest(to: name).map { "Did you mean `\($0)`?" }
    }

    /// Names the nearest one, or all where none is near.
    ///
    /// - Parameter plural: what the names are: "keys", "tenants".
    func remedy(for name: String, plural: String) -> String {
        suggestion(for: name) ?? "The \(plural) here are \(names.joined(separator: ", "))."
    }

    /// A third of the letters may differ, but at least two.
    private func nearest(to name: String) -> String? {
        let candidates = names.map { (name: $0, distance: Self.distance(Array(name.utf8), Array($0.utf8))) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(2, name.utf8.count / 3) && best.distance < best.name.utf8.count ? best.name : nil
    }

    /// Levenshtein's: how many bytes to insert, delete or replace.
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
