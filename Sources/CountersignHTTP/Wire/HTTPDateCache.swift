import Synchronization
package import TokenExchange

/// The `Date` header (RFC 9110 §5.6.7, IMF-fixdate), formatted once a second.
package final class HTTPDateCache: Sendable {
    private let cached = Mutex<(second: Int64, text: String)>((.min, ""))

    package init() {}

    package func value(at now: UnixTime) -> String {
        let second = now.wholeSeconds
        return cached.withLock { cached in
            if cached.second != second { cached = (second, Self.text(second)) }
            return cached.text
        }
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func text(_ second: Int64) -> String {
        let (days, time) = second.quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civil(days)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let clock = [time / 3600, time / 60 % 60, time % 60].map(two).joined(separator: ":")
        return "\(weekdays[Int(days % 7)]), \(two(day)) \(months[month - 1]) \(year) \(clock) GMT"
    }

    /// Year, month, day of a day since 1970-01-01 (Howard Hinnant's `civil_from_days`, for non-negative days).
    private static func civil(_ days: Int64) -> (year: Int64, month: Int, day: Int64) {
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), Int(month), day)
    }
}
