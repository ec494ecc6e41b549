import FoundationEssentials
package import TokenExchange

/// For how long a service wants to be left alone (RFC 9110 §10.2.3).
package enum RetryAfter {
    /// - Parameters:
    ///   - text: seconds, or a point in time.
    ///   - date: the answer's own `Date`: with it, the service's clock need not agree with ours.
    /// - Returns: nil if `text` is neither.
    package static func duration(_ text: String, date: String?, now: UnixTime) -> Duration? {
        if text.utf8.count <= 9, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Int(text).map { .seconds($0) }
        }
        guard let end = seconds(of: text) else { return nil }
        return max(.zero, .seconds(end - (date.flatMap(seconds) ?? now.seconds)))
    }

    /// An IMF-fixdate (RFC 9110 §5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`, as Unix time.
    private static func seconds(of date: String) -> Double? {
        let words = date.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: words[2]) else { return nil }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        let standard = "\(words[3])-\(number)-\(words[1])T\(words[4])Z"
        return try? Date(standard, strategy: .iso8601).timeIntervalSince1970
    }

    private static let months: [Substring] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
