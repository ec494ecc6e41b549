/// A duration as the file has it: a whole number and a unit.
package enum DurationLiteral {
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// Reads `250ms`, `30s`, `10m`, `3h` or `90d`; nil for any other form.
    package static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = units.first { $0.suffix == text.dropFirst(digits.count) }
        guard let unit, digits.count <= 9, let number = Int64(digits) else { return nil }
        return .milliseconds(number * unit.milliseconds)
    }

    /// In the largest unit that needs no fraction.
    static func text(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        let whole = Int64(milliseconds)
        if whole == 0 { return "0s" }
        let unit = units.first { whole % $0.milliseconds == 0 } ?? ("ms", 1)
        return "\(whole / unit.milliseconds)\(unit.suffix)"
    }
}

extension NodeReader {
    /// - Parameter wholeSeconds: whether fractions of a second are refused.
    func duration(in range: ClosedRange<Duration>, wholeSeconds: Bool = false) -> Duration? {
        let bounds = "from \(DurationLiteral.text(range.lowerBound)) to \(DurationLiteral.text(range.upperBound))"
        let what = "a duration \(bounds)" + (wholeSeconds ? " in whole seconds" : "")
        let remedy = "Write a whole number and a unit: ms, s, m, h or d."
        guard let duration = text.flatMap(DurationLiteral.duration) else {
            report(expected: what, remedy: remedy)
            return nil
        }
        let isWhole = duration.components.attoseconds == 0
        guard range.contains(duration), isWhole || !wholeSeconds else {
            report(expected: what)
            return nil
        }
        return duration
    }
}
