extension UnixTime {
    /// Rounded to the nearest millisecond, which is what files keep.
    package var milliseconds: Int64 { Int64((seconds * 1000).rounded()) }

    /// - Parameter milliseconds: since 1970.
    package init(milliseconds: Int64) {
        self.init(seconds: Double(milliseconds) / 1000)
    }

    /// Rounds both to whole milliseconds, so that the result is the same after it was written and read.
    package func advanced(by duration: Duration) -> UnixTime {
        UnixTime(seconds: (Double(milliseconds) + (duration.inSeconds * 1000).rounded()) / 1000)
    }

    /// RFC 3339 in UTC: `2026-11-22T14:40:27.125Z`.
    package var text: String {
        let calendar = CalendarTime(self)
        return calendar.text + "." + CalendarTime.digits(calendar.millisecond, 3) + "Z"
    }

    /// RFC 3339 to the second, for tables: `2026-11-22T14:40:27Z`. Rounded up, since people wait until then.
    package var shortText: String {
        CalendarTime(UnixTime(seconds: (Double(milliseconds) / 1000).rounded(.up))).text + "Z"
    }

    /// Reads what ``text`` and ``shortText`` write, and nothing else.
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
        // Writing it again shows days and hours that do not exist, and signs among the digits.
        guard bytes.count == 24 ? self.text == text : shortText == text else { return nil }
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
