import CountersignHTTP
import CountersignService
import Testing
import TokenExchange

/// What the status page remembers of requests.
@Suite struct RequestHistoryTests {
    private static func minute(_ number: Int) -> Duration { .seconds(number * 60) }

    @Test func countsLoginsByProviderMinuteAndOutcome() {
        let history = RequestHistory()
        history.count(login: ("vip", .issued), nil, at: Self.minute(100))
        history.count(login: ("vip", .issued), nil, at: Self.minute(100) + .seconds(59))
        history.count(login: ("vip", .failed), nil, at: Self.minute(101))
        history.count(login: ("notes", .refused), nil, at: Self.minute(101))
        let hour = history.hour(at: Self.minute(102), of: ["quiet", "vip"])
        #expect(hour.logins.map(\.provider) == ["quiet", "vip", "notes"])
        #expect(hour.logins.allSatisfy { $0.minutes.count == 60 })
        #expect(hour.logins[0].minutes.allSatisfy { $0.total == 0 })
        let vip = hour.logins[1].minutes
        #expect(vip[57][.issued] == 2 && vip[58][.failed] == 1 && vip.reduce(0) { $0 + $1.total } == 3)
        #expect(hour.logins[2].minutes[58][.refused] == 1)
    }

    @Test func forgetsWhatIsOlderThanAnHour() {
        let history = RequestHistory()
        let reason = RequestHistory.Reason(code: .tokenRejected, precise: "signature_invalid")
        history.count(login: ("vip", .refused), reason, at: Self.minute(10))
        #expect(history.hour(at: Self.minute(69), of: []).reasons.map(\.count) == [1])
        #expect(history.hour(at: Self.minute(69), of: []).logins.first?.minutes[0][.refused] == 1)
        #expect(history.hour(at: Self.minute(70), of: []).reasons.isEmpty)
        #expect(history.hour(at: Self.minute(70), of: []).logins.isEmpty)
        history.count(login: ("vip", .issued), nil, at: Self.minute(70))
        #expect(history.hour(at: Self.minute(70), of: []).logins.first?.minutes.map(\.total).reduce(0, +) == 1)
    }

    @Test func namesTheMostFrequentReasonFirst() {
        let history = RequestHistory()
        let (rare, often) = (
            RequestHistory.Reason(code: .tokenExpired, precise: "expired"),
            RequestHistory.Reason(code: .bodyTooLarge, precise: nil)
        )
        for (minute, reason) in [(1, rare), (1, often), (2, often)] {
            history.count(login: nil, reason, at: Self.minute(minute))
        }
        let reasons = history.hour(at: Self.minute(3), of: []).reasons
        #expect(reasons.map(\.reason.name) == ["body_too_large", "expired"] && reasons.map(\.count) == [2, 1])
    }

    /// The words of `token explain`, for each refusal there is.
    @Test(arguments: Refusal.allCases) func hasTheRemedyOfTheRule(refusal: Refusal) {
        let reason = RequestHistory.Reason(code: ErrorCode(refusal), precise: refusal.rawValue)
        let rule = ExplainToken.rules.first { $0.refusals.contains(refusal) }
        #expect(rule != nil && reason.remedy == rule?.remedy)
    }
}
