import FoundationEssentials
import Synchronization
import TokenExchange

/// Time stamps of log lines: RFC 3339 with milliseconds, in UTC.
enum Timestamp {
    private static let cached = Mutex<(second: Int64, text: String)>((.min, ""))

    /// `2025-11-24T17:00:00.250Z`. Formats each second only once.
    static func text(_ time: UnixTime) -> String {
        let second = time.wholeSeconds
        let millisecond = Int((time.seconds - Double(second)) * 1000)
        let whole = cached.withLock { cached in
            if cached.second != second {
                cached = (second, String(Date(timeIntervalSince1970: Double(second)).formatted(.iso8601).dropLast()))
            }
            return cached.text
        }
        return "\(whole).\(millisecond / 100)\(millisecond / 10 % 10)\(millisecond % 10)Z"
    }
}
