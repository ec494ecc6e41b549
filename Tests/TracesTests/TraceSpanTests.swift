import Testing
import TokenExchange
import Traces

/// What a span says, and what it never says.
@Suite struct TraceSpanTests {
    private static let period = TraceSpan.Period(.milliseconds(1), .milliseconds(3), since: .seconds(1_764_003_600))

    private static func request(
        method: String = "POST", route: String? = "/token", status: Int = 200,
        outcome: String? = "issued", error: (code: String, reason: String?)? = nil,
        failure: Failure? = nil, parentID: UInt64? = nil
    ) -> TraceSpan {
        TraceSpan(
            TraceSpan.Request(
                route: route, method: method, status: status, requestID: "login-7", identityProvider: "points",
                tenant: "acme", outcome: outcome, error: error, failure: failure),
            at: TraceSpan.Place(traceID: 0xABC, id: 0xDEF, parentID: parentID), period)
    }

    @Test func writesASpanAsCollectorsReadIt() {
        #expect(
            Self.request(parentID: 7).jsonText == """
                {"traceId":"00000000000000000000000000000abc","spanId":"0000000000000def",\
                "parentSpanId":"0000000000000007","flags":769,"name":"POST /token","kind":2,\
                "startTimeUnixNano":"1764003600001000000","endTimeUnixNano":"1764003600003000000","attributes":[\
                {"key":"countersign.identity_provider","value":{"stringValue":"points"}},\
                {"key":"countersign.outcome","value":{"stringValue":"issued"}},\
                {"key":"countersign.request_id","value":{"stringValue":"login-7"}},\
                {"key":"countersign.tenant","value":{"stringValue":"acme"}},\
                {"key":"http.request.method","value":{"stringValue":"POST"}},\
                {"key":"http.response.status_code","value":{"intValue":"200"}},\
                {"key":"http.route","value":{"stringValue":"/token"}}]}
                """)
    }

    @Test func writesNoParentForTheFirstSpanOfATrace() {
        let text = Self.request().jsonText
        #expect(!text.contains("parentSpanId") && text.contains(#""flags":257,"#))
    }

    @Test func callsOnlyOurOwnFailuresErrors() {
        let refused = Self.request(status: 401, outcome: "refused", error: ("token_rejected", "key_unknown")).jsonText
        #expect(!refused.contains("\"status\":{") && !refused.contains("error.type"))
        #expect(refused.contains(#"{"key":"countersign.reason","value":{"stringValue":"key_unknown"}}"#))
        let failure = Failure(.sessionStoreUnavailable, operation: "exchange", cause: "MARKERCAUSE")
        let failed = Self.request(
            status: 503, outcome: "failed", error: ("session_store_unavailable", nil), failure: failure
        ).jsonText
        #expect(failed.contains(#""status":{"code":2}"#) && !failed.contains("MARKERCAUSE"))
        #expect(failed.contains(#"{"key":"error.type","value":{"stringValue":"session_store_unavailable"}}"#))
        #expect(failed.contains(#"{"key":"countersign.operation","value":{"stringValue":"exchange"}}"#))
        let degraded = Self.request(status: 200, outcome: "degraded", failure: failure).jsonText
        #expect(!degraded.contains("\"status\":{") && degraded.contains(#""stringValue":"degraded""#))
    }

    @Test func namesAnOverloadedAnswerByItsCode() {
        let text = Self.request(status: 503, outcome: "failed", error: ("overloaded", nil)).jsonText
        #expect(text.contains(#"{"key":"error.type","value":{"stringValue":"overloaded"}}"#))
    }

    @Test func knowsNoMethodThatSomebodyMadeUp() {
        let text = Self.request(method: "MARKER", route: nil).jsonText
        #expect(text.contains(#""name":"HTTP","#) && text.contains(#""stringValue":"_OTHER""#))
        #expect(!text.contains("MARKER"))
    }

    @Test(arguments: [
        (ExchangeReport.Phase.verify, "verify", 1), (.mint, "mint", 1), (.store, "store", 3),
        (.upstream, "internal service", 3),
    ])
    func tellsCallsOfOtherServersFromWorkOfItsOwn(phase: ExchangeReport.Phase, name: String, kind: Int) {
        let span = TraceSpan(
            phase, of: nil, at: TraceSpan.Place(traceID: 1, id: 2, parentID: 3), Self.period, failure: nil,
            store: "redis"
        ).jsonText
        #expect(span.contains(#""flags":257,"name":"\#(name)","kind":\#(kind),"#))
        #expect(span.contains("db.system.name") == (phase == .store))
        let local = TraceSpan(
            phase, of: nil, at: TraceSpan.Place(traceID: 1, id: 2, parentID: 3), Self.period, failure: nil, store: nil
        ).jsonText
        #expect(local.contains(#""kind":1,"#) == (phase != .upstream))
    }

    @Test func neverEndsBeforeItBegins() {
        let span = TraceSpan(
            .verify, of: nil, at: TraceSpan.Place(traceID: 1, id: 2, parentID: 3),
            TraceSpan.Period(.seconds(2), .seconds(1), since: .zero), failure: nil, store: nil)
        #expect(span.jsonText.contains(#""startTimeUnixNano":"2000000000","endTimeUnixNano":"2000000000""#))
    }

    @Test(arguments: Failure.Kind.allCases) func findsThePartThatFailed(kind: Failure.Kind) {
        let expected: ExchangeReport.Phase? =
            switch kind {
            case .mintFailed: .mint
            case .upstreamRefused, .upstreamUnavailable: .upstream
            case .issuerKeysUnavailable: .verify
            case .sessionStoreUnavailable: .store
            case .deadlineExceeded: nil
            }
        #expect(Failure(kind, operation: "any", cause: "").phase == expected)
    }
}

extension TraceSpan {
    fileprivate var jsonText: String { String(decoding: json.text, as: UTF8.self) }
}
