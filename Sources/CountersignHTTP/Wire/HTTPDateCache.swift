import Synchronization
package import TokenExchange

/// The `Date` header (RFC 9110 §5.6.7, IMF-fixdate), formatted once a second.
package final class HTTPDateCache: Sendable {
    private let cached = Mutex<(second: Int64, text: String)>((.min, ""))

    package init() {}

    /// `Mon, 24 Nov 2025 17:00:00 GMT`.
    package func value(at now: UnixTime) -> String {
        let second = now.wholeSeconds
        return cached.withLock { cached in
            if cached.second != second { cached = (second, Self.text(UnixTime(seconds: Double(second)))) }
            return cached.text
        }
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func text(_ now: UnixTime) -> String {
        let date = CalendarTime(now)
        let (day, year) = (CalendarTime.digits(date.day, 2), CalendarTime.digits(date.year, 4))
        return "\(weekdays[date.dayOfWeek]), \(day) \(months[date.month - 1]) \(year) \(date.clock) GMT"
    }
}
