extension UnixTime {
    /// Of the nearest millisecond, which is what files keep.
    package var milliseconds: Int64 { Int64((seconds * 1000).rounded()) }

    package init(milliseconds: Int64) {
        self.init(seconds: Double(milliseconds) / 1000)
    }

    /// Both in whole milliseconds, so that a time is the same after it was written and read.
    package func advanced(by duration: Duration) -> UnixTime {
        UnixTime(milliseconds: milliseconds + Int64((duration.inSeconds * 1000).rounded()))
    }

    /// RFC 3339 in UTC: `2026-11-22T14:40:27.125Z`.
    package var text: String {
        let (second, millisecond) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return Self.date(second) + "." + Self.digits(millisecond, 3) + "Z"
    }

    /// RFC 3339 to the second, for tables: `2026-11-22T14:40:27Z`. Rounded up, since people wait until then.
    package var shortText: String { Self.date((milliseconds + 999) / 1000) + "Z" }

    /// Reads what ``text`` and ``shortText`` write, from 1970 on, and nothing else.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 20 || bytes.count == 24, bytes.last == UInt8(ascii: "Z") else { return nil }
        let separators: [(Int, UInt8)] = [
            (4, UInt8(ascii: "-")), (7, UInt8(ascii: "-")), (10, UInt8(ascii: "T")), (13, UInt8(ascii: ":")),
            (16, UInt8(ascii: ":")),
        ]
        guard separators.allSatisfy({ bytes[$0.0] == $0.1 }), bytes.count == 20 || bytes[19] == UInt8(ascii: ".")
        else { return nil }
        func number(_ range: Range<Int>) -> Int64? { Int64(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let millisecond = bytes.count == 24 ? number(20..<23) : 0
        else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        self.init(milliseconds: (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond)
        // Writing it again finds days and hours that do not exist, and signs among the digits.
        guard year >= 1970, bytes.count == 24 ? self.text == text : shortText == text else { return nil }
    }

    // MARK: The proleptic Gregorian calendar, in years that begin in March

    private static func date(_ second: Int64) -> String {
        let days = second / 86400
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let year = yearOfEra + era * 400 + (month < 10 ? 0 : 1)
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let time = second - days * 86400
        return digits(year, 4) + "-" + digits(month < 10 ? month + 3 : month - 9, 2) + "-" + digits(day, 2) + "T"
            + digits(time / 3600, 2) + ":" + digits(time / 60 % 60, 2) + ":" + digits(time % 60, 2)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
