/// A moment in UTC by the proleptic Gregorian calendar, for writing it as text.
package struct CalendarTime {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    package let day: Int
    package let hour: Int
    package let minute: Int
    package let second: Int
    package let millisecond: Int
    /// 0 for Sunday.
    package let dayOfWeek: Int

    /// Rounds to the nearest millisecond.
    package init(_ time: UnixTime) {
        let milliseconds = Int(time.milliseconds)
        // Years begin in March here, and eras are 400 years from the year 0, which no `UnixTime` is before.
        let shifted = Self.quotient(milliseconds, 86_400_000) + 719_468
        let time = milliseconds - (shifted - 719_468) * 86_400_000
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        year = yearOfEra + era * 400 + (shiftedMonth < 10 ? 0 : 1)
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        hour = time / 3_600_000
        minute = time / 60_000 % 60
        second = time / 1000 % 60
        millisecond = time % 1000
        // The era's first day was a Wednesday.
        dayOfWeek = (shifted + 3) % 7
    }

    /// `2026-11-22T14:40:27`.
    package var text: String {
        Self.digits(year, 4) + "-" + Self.digits(month, 2) + "-" + Self.digits(day, 2) + "T" + clock
    }

    /// `14:40:27`.
    package var clock: String { [hour, minute, second].map { Self.digits($0, 2) }.joined(separator: ":") }

    /// `number`, which is not negative, in at least `count` decimal digits.
    package static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    /// Rounded down, also before 1970.
    private static func quotient(_ number: Int, _ divisor: Int) -> Int {
        (number >= 0 ? number : number - divisor + 1) / divisor
    }
}
