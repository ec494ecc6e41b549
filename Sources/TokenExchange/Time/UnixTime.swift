/// Seconds since 1970-01-01T00:00:00Z, as in a NumericDate (RFC 7519 §2): fractions allowed, leap seconds ignored.
///
/// Always within the years 1 to 9999, whatever a token, a store or a clock says: a time beyond them becomes the nearest
/// bound, and NaN the lower one. So no sum, difference or conversion of times can overflow.
package struct UnixTime: Sendable, Comparable {
    package let seconds: Double

    /// - Parameter seconds: since 1970; may be any number, and not a number.
    package init(seconds: Double) {
        self.seconds = max(Self.earliest, min(seconds, Self.latest))
    }

    /// 0001-01-01T00:00:00Z, and the last millisecond of 9999.
    private static let (earliest, latest) = (-62_135_596_800.0, Double(lastSecond) + 0.999)
    /// The last second of the year 9999.
    package static let lastSecond: Int64 = 253_402_300_799

    /// Whole seconds in decimal digits, up to the year 9999; nil for any other text.
    package init?(decimal text: some Collection<UInt8>) {
        guard let seconds = Self.number(text) else { return nil }
        self.init(storedSeconds: seconds)
    }

    /// Whole milliseconds in decimal digits, up to the year 9999; nil for any other text.
    package init?(decimalMilliseconds text: some Collection<UInt8>) {
        guard let milliseconds = Self.number(text) else { return nil }
        self.init(storedMilliseconds: milliseconds)
    }

    private static func number(_ text: some Collection<UInt8>) -> Int64? {
        guard text.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) else { return nil }
        return Int64(String(decoding: text, as: UTF8.self))
    }

    /// A number from outside; nil before 1970 and after the year 9999.
    package init?(storedSeconds seconds: Int64) {
        guard (0...Self.lastSecond).contains(seconds) else { return nil }
        self.init(seconds: Double(seconds))
    }

    /// A number from outside; nil before 1970 and after the year 9999.
    package init?(storedMilliseconds milliseconds: Int64) {
        guard milliseconds >= 0, milliseconds / 1000 <= Self.lastSecond else { return nil }
        self.init(milliseconds: milliseconds)
    }

    /// Whole seconds, rounded down: what goes into the tokens we mint.
    package var wholeSeconds: Int64 { Int64(seconds.rounded(.down)) }

    package static func < (left: UnixTime, right: UnixTime) -> Bool { left.seconds < right.seconds }

    /// Limited to the years 1 to 9999.
    package static func + (time: UnixTime, duration: Duration) -> UnixTime {
        UnixTime(seconds: time.seconds + duration.inSeconds)
    }

    /// Limited to the years 1 to 9999.
    package static func - (time: UnixTime, duration: Duration) -> UnixTime {
        UnixTime(seconds: time.seconds - duration.inSeconds)
    }

    /// Negative if `left` is the earlier one.
    package static func - (left: UnixTime, right: UnixTime) -> Duration {
        .seconds(left.seconds - right.seconds)
    }
}

/// One moment by both clocks.
struct Moment {
    let wall: UnixTime
    let elapsed: Duration

    /// Now.
    init(_ time: TimeSource) {
        wall = time.now()
        elapsed = time.elapsed()
    }

    /// `end` by the monotonic clock, no later than `longest` from now.
    func end(at end: UnixTime, longest: Duration) -> Duration { elapsed + min(end - wall, longest) }
}

extension Duration {
    /// With fractions.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
