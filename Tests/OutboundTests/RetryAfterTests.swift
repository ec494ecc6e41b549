import Outbound
import Testing
import TokenExchange

@Suite struct RetryAfterTests {
    /// 1994-11-06T08:49:37Z.
    private let now = UnixTime(seconds: 784_111_777)

    @Test(arguments: [
        ("0", 0), ("7", 7), ("007", 7), ("999999999", 999_999_999), ("Sun, 06 Nov 1994 08:49:38 GMT", 1),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 86_400), ("Sun, 06 Nov 1994 08:49:36 GMT", 0),
    ])
    func readsSecondsAndDates(text: String, seconds: Int) {
        #expect(RetryAfter.duration(text, date: nil, now: now) == .seconds(seconds))
    }

    @Test func measuresADateByTheServicesOwnClock() {
        let date = "Sun, 06 Nov 1994 09:00:00 GMT"
        #expect(RetryAfter.duration("Sun, 06 Nov 1994 09:00:05 GMT", date: date, now: now) == .seconds(5))
        #expect(RetryAfter.duration("Sun, 06 Nov 1994 08:49:40 GMT", date: "rubbish", now: now) == .seconds(3))
    }

    @Test(arguments: [
        "", " ", "-1", "+1", "1.5", "1e3", "1000000000", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994",
        "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMT!", "٣",
    ])
    func ignoresWhatIsNeither(text: String) {
        #expect(RetryAfter.duration(text, date: nil, now: now) == nil)
    }
}
