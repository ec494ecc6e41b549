import CountersignHTTP
import CountersignService
import Foundation
import TestSupport
import Testing
import TokenExchange

/// What support is told by a code, from log files of any quality.
@Suite struct SupportStoryTests {
    private let folder = TemporaryFolder()

    /// - Parameter minute: after five o'clock.
    private func line(_ minute: Double, _ id: String, _ fields: String, level: String = "info") -> String {
        let time = (ManualClock.start + .seconds(minute * 60)).text
        return
            #"{"time":"\#(time)","level":"\#(level)","component":"countersign","message":"request","duration_ms":0.2,"#
            + #""request_id":"\#(id)",\#(fields)}"#
    }

    private func login(_ more: String = "", status: Int = 200) -> String {
        #""identity_provider":"vip-loyalty","route":"callback","status":\#(status)"# + more
    }

    private static let jane = #","subject_hash":"00000000000000aa","device_hash":"00000000000000dd""#
    private static let till = #","device_hash":"00000000000000dd""#

    private func story(_ lines: [String], _ code: String = "code-1") throws -> String {
        let text = lines.joined(separator: "\n") + "\n"
        return try SupportStory(code: code, paths: [try folder.write("log", text)], span: .seconds(900)).text
    }

    @Test func tellsOfARefusalByWhichRuleAndWhatToDo() throws {
        let text = try story([
            line(
                0, "code-1",
                #""clock_difference_s":5342.48,"error_code":"token_expired","reason":"expired","#
                    + login(Self.jane, status: 401))
        ])
        #expect(
            text.hasPrefix(
                """
                Request code-1: 1 line of 1.

                2025-11-24T17:00:00.000Z  A login for vip-loyalty, by the app's callback: refused (401 token_expired), after 0.2 ms.
                    Why: expired, by the rule validity_period.
                    Our clock was 5342.48 s after the time in the token.
                    What to do: Log in again; if that does not help, set the clocks, or raise clock_skew or maximum_age.
                    subject_hash 00000000000000aa, device_hash 00000000000000dd.
                """), "\(text)")
    }

    @Test func tellsWhatTheSameAssociateAndDeviceDidAroundItInOrder() throws {
        let text = try story([
            line(
                14.9, "after",
                #""identity_provider":"vip-loyalty","route":"introspect","status":200,"verifier":"till""# + Self.jane),
            line(15.1, "too-late", login(Self.jane)), line(-15.1, "too-early", login(Self.jane)),
            line(-2, "replay", #""replay":true,"# + login(Self.jane)),
            line(0, "code-1", login(Self.jane)),
            line(1, "somebody-else", login(#","subject_hash":"00000000000000bb""#)),
            line(
                2, "same-device",
                #""error_code":"token_rejected","reason":"key_unknown","# + login(Self.till, status: 401)),
        ])
        let told = text.split(separator: "\n").drop { !$0.hasPrefix("The same associate") }
        #expect(
            told == [
                "The same associate or device, up to 15 minutes before and after:",
                "2025-11-24T16:58:00.000Z  A login for vip-loyalty, by the app's callback: answered again with the external identity of the same login before: a retry or a double tap, after 0.2 ms. [same associate, same device]",
                "2025-11-24T17:02:00.000Z  A login for vip-loyalty, by the app's callback: refused (401 token_rejected), after 0.2 ms. [same device] (key_unknown)",
                "2025-11-24T17:14:54.000Z  Verifier till asked whether an external identity is good: active, of vip-loyalty, after 0.2 ms. [same associate, same device]",
            ], "\(text)")
    }

    @Test func tellsWhatTheServiceHadToSayMeanwhile() throws {
        let time = ManualClock.start.text
        let text = try story([
            line(
                0, "code-1",
                #""error_code":"token_rejected","reason":"session_inactive","route":"session","status":401"#),
            #"{"time":"\#(time)","level":"warning","component":"countersign","message":"sessions were revoked","by":"command","cohort":"all"}"#,
            #"{"time":"\#(time)","level":"notice","component":"countersign","message":"sessions were revoked","by":"verifier a","cohort":"device"}"#,
            #"{"time":"\#(time)","level":"notice","component":"countersign","message":"signing keys changed"}"#,
        ])
        #expect(
            text.contains("What to do: Log in again: the session has expired, was revoked, or was not made here."))
        #expect(text.contains("The lines do not say whose request it was"))
        #expect(text.contains("warning: sessions were revoked by=command cohort=all"))
        #expect(text.contains("notice: sessions were revoked by=verifier a cohort=device"))
        #expect(!text.contains("signing keys changed"))
    }

    @Test func tellsAFailureOfOursFromARefusal() throws {
        let failure = #""cause":"timed out\u001b[2J","operation":"session","#
        let strict = try story([
            line(
                0, "code-1", failure + #""error_code":"session_store_unavailable","# + login(status: 503),
                level: "error")
        ])
        #expect(strict.contains("failed on our side (503 session_store_unavailable)"))
        #expect(
            strict.contains("What failed: session, because of: timed out\\u001b[2J"), "a terminal cannot be controlled")
        #expect(strict.contains("`countersign doctor` tries the store"))
        let optional = try story([
            line(0, "code-1", failure + #""degraded":"session_store_unavailable","# + login(), level: "error")
        ])
        #expect(optional.contains("went on although something on our side had failed (session_store_unavailable)"))
        let barred = try story([line(0, "code-1", #""error_code":"rate_limited","reason":"key_unknown","# + login())])
        #expect(barred.contains("not looked at (200 rate_limited)") && barred.contains("without an external identity"))
    }

    /// Also a token's refusals, each of which has its rule.
    @Test func knowsWhatToDoAboutEveryError() throws {
        for code in ErrorCode.allCases {
            let text = try story([line(0, "code-1", #""error_code":"\#(code.rawValue)","# + login(status: 400))])
            #expect(text.contains("What to do: "), "\(code)")
        }
        for refusal in Refusal.allCases {
            let fields = #""error_code":"token_rejected","reason":"\#(refusal.rawValue)","# + login(status: 401)
            #expect(try story([line(0, "code-1", fields)]).contains(", by the rule "), "\(refusal)")
        }
    }

    // MARK: Files

    @Test func readsLinesAsTheyAreOnAPlatformThatPutsItsOwnBeforeThem() throws {
        let text = try story([
            "Nov 24 17:00:00 till countersign[7]: " + line(0, "code-1", login()) + "\r",
            #"2025-11-24T17:00:01.000Z info countersign: request duration_ms=0.2 identity_provider="a \"b\" c=d" request_id="code-1" route="callback" status=200"#,
        ])
        #expect(text.hasPrefix("Request code-1: 2 lines of 2."), "\(text)")
        #expect(text.contains(#"A login for a "b" c=d, by"#))
    }

    @Test func skipsAndCountsWhatIsNoLine() throws {
        let whole = line(0, "code-1", login())
        let text = try story([
            String(whole.dropLast(9)), "code-1", "", String(repeating: "x", count: 70_000), "\u{0}\u{1}",
            String(repeating: "y", count: 600_000), whole,
            whole.replacing(#""status":200"#, with: #""status":2 0"#), #"{"time":"yesterday","request_id":"code-1"}"#,
        ])
        #expect(text.hasPrefix("Request code-1: 1 line of 1 (7 more are no log lines)."), "\(text)")
    }

    @Test func needsACodeThatIsThere() throws {
        let path = try folder.write("log", line(0, "code-1", login()) + "\n")
        for (code, complaint) in [
            ("code-2", "no request code-2 in 1 lines"), ("code", "no request code in 1 lines"),
            ("a b", "expected a support code"), ("", "expected a support code"),
            (String(repeating: "x", count: 129), "expected a support code"), ("\n", "expected a support code"),
        ] {
            let error = #expect(throws: StartUpError.self) {
                try SupportStory(code: code, paths: [path], span: .seconds(900))
            }
            #expect(error.text.hasPrefix(complaint), "\(error.text)")
        }
        let absent = #expect(throws: StartUpError.self) {
            try SupportStory(code: "code-1", paths: ["\(folder.path)/absent"], span: .seconds(900))
        }
        #expect(absent.text == "\(folder.path)/absent: No such file or directory")
    }

    @Test func readsSeveralFilesAndTellsNoMoreThanAPersonCanRead() throws {
        let others = (0..<500).map { line(1, "other-\($0)", login(Self.jane)) }.joined(separator: "\n")
        let paths = [
            try folder.write("one", others + "\n"), try folder.write("two", line(0, "code-1", login(Self.jane))),
        ]
        let text = try SupportStory(code: "code-1", paths: paths, span: .seconds(900)).text
        #expect(text.split(separator: "\n").count < 220 && text.hasSuffix("300 lines more are not shown."))
    }
}
