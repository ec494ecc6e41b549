import Synchronization
import TokenExchange

/// Time stamps of log lines: RFC 3339 with milliseconds, in UTC.
enum Timestamp {
    private static let cached = Mutex<(second: Int64, text: [UInt8])>((.min, []))

    /// Appends `2025-11-24T17:00:00.250Z`. Formats each second only once.
    static func append(_ time: UnixTime, to line: inout [UInt8]) {
        let second = time.wholeSeconds
        let millisecond = Int((time.seconds - Double(second)) * 1000)
        line += cached.withLock { cached in
            if cached.second != second {
                cached = (second, Array(CalendarTime(UnixTime(seconds: Double(second))).text.utf8))
            }
            return cached.text
        }
        line.append(UInt8(ascii: "."))
        for divisor in [100, 10, 1] { line.append(UInt8(ascii: "0") + UInt8(millisecond / divisor % 10)) }
        line.append(UInt8(ascii: "Z"))
    }
}
