import TokenExchange

/// Times in words, for people.
extension Duration {
    /// One number with its unit, never negative: `12 min`, `3 h`, `89 d`. Rounded down.
    var inWords: String {
        let seconds = Int64(max(0, inSeconds))
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 2 * 3600 { return "\(seconds / 60) min" }
        return seconds < 2 * 86400 ? "\(seconds / 3600) h" : "\(seconds / 86400) d"
    }
}

extension UnixTime {
    /// `26 Nov 2026, 14:40`.
    var dateInWords: String {
        let calendar = CalendarTime(self)
        return "\(calendar.day) \(Self.months[calendar.month - 1]) \(calendar.year), \(calendar.clock.prefix(5))"
    }

    /// `in 12 min` or `12 min ago`.
    func inWords(at now: UnixTime) -> String {
        self > now ? "in \((self - now).inWords)" : "\((now - self).inWords) ago"
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
