import CountersignHTTP
import Testing
import TokenExchange

@Suite struct HTTPDateTests {
    /// RFC 9110 §5.6.7, and days around the ends of months, leap years, and what a clock can say.
    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (-86_400, "Wed, 31 Dec 1969 00:00:00 GMT"), (-2_203_891_201, "Wed, 28 Feb 1900 23:59:59 GMT"),
        (-1_000_000_000_000, "Mon, 01 Jan 0001 00:00:00 GMT"), (1_000_000_000_000, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ])
    func writesTheDate(second: Int, text: String) {
        #expect(HTTPDateCache().value(at: UnixTime(seconds: Double(second))) == text)
    }
}
