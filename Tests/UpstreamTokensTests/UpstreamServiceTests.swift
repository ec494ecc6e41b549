import NIOSSL
import TestSupport
import Testing
import TokenExchange
import UpstreamTokens

@Suite(.serialized) struct UpstreamServiceTests {
    private static let quick = UpstreamTransport(timeout: .milliseconds(300))

    // MARK: Requests

    @Test func sendsClaimsSecretsAndTheIdentityTokenAsJSON() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.freshToken(more: #""expires_in":60"#)),
            headers: [
                UpstreamField(
                    name: "X-Api-Key", source: .secret(UpstreamSecret(place: "env K") { _ in "s3cret" }), prefix: "Key "
                ),
                UpstreamField(name: "Authorization", source: .identityToken, prefix: "Bearer "),
            ],
            body: [
                UpstreamField(
                    name: "roles", source: .claim(ClaimMapping(name: "roles", source: .firstOf([ClaimPath("roles")])))),
                UpstreamField(
                    name: "absent", source: .claim(ClaimMapping(name: "absent", source: .firstOf([ClaimPath("x")])))),
                UpstreamField(name: "subject", source: .identityToken),
            ])
        let trace = RequestTrace(
            requestID: "request-7", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        let token = try await upstream.token(
            claims: ["roles": .array([.string("a"), .string("b")])], trace: trace)
        #expect(token.lifetime == .seconds(60))
        let request = try #require(upstream.fake.requests.first)
        #expect(request.method == "POST" && request.uri == "/tokens")
        #expect(request.header("X-Api-Key") == "Key s3cret")
        #expect(request.header("Authorization") == "Bearer MARKERIDENTITY")
        #expect(request.header("X-Request-Id") == "request-7")
        #expect(request.header("traceparent") == trace.traceparent)
        #expect(request.header("Content-Type") == "application/json")
        #expect(request.body == #"{"roles":["a","b"],"subject":"MARKERIDENTITY"}"#)
        try await upstream.end()
    }

    @Test func sendsAFormWithListsAsWords() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(),
            body: [
                .constant("grant_type", "urn:x:y"), .constant("näme", "a b&c=d+é"),
                UpstreamField(
                    name: "scope",
                    source: .claim(
                        ClaimMapping(name: "scope", source: .value(.array([.string("x"), .string("y")]))))),
            ], format: .form)
        _ = try await upstream.token()
        let request = try #require(upstream.fake.requests.first)
        #expect(request.header("Content-Type") == "application/x-www-form-urlencoded")
        #expect(request.body == "grant_type=urn%3Ax%3Ay&n%C3%A4me=a+b%26c%3Dd%2B%C3%A9&scope=x+y")
        try await upstream.end()
    }

    @Test func sendsNoHeaderThatAClaimHasBrokenUp() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(), headers: [.constant("X-Name", "a\r\nX-Admin: 1")])
        let failure = try #require(try await upstream.failure())
        #expect(failure == .refused(cause: "the value of the header X-Name has characters that no header can hold"))
        #expect(upstream.fake.requestCount == 0)
        try await upstream.end()
    }

    @Test func usesItsConnectionsAgain() async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start())
        for _ in 0..<20 { _ = try await upstream.token() }
        #expect(upstream.fake.requestCount == 20)
        #expect(upstream.fake.connectionCount == 1)
        try await upstream.end()
    }

    // MARK: What is no answer, and what is one anyway

    struct BadAnswer: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let answer: FakeHTTPServer.Answer
        let isRefused: Bool

        init(_ name: String, _ answer: FakeHTTPServer.Answer, isRefused: Bool = true) {
            testDescription = name
            self.answer = answer
            self.isRefused = isRefused
        }
    }

    static let badAnswers = [
        BadAnswer("HTML", .body("<html>MARKERANSWER</html>", contentType: "text/html")),
        BadAnswer("a wrong content type", .body(#"{"token":"MARKERANSWER"}"#, contentType: "text/plain")),
        BadAnswer("no JSON and no content type", .body("MARKERANSWER", contentType: nil)),
        BadAnswer("a suffix of another tree", .body(#"{"token":"MARKERANSWER"}"#, contentType: "image/x+json")),
        BadAnswer(
            "another charset beyond ASCII",
            .body(#"{"token":"MARKERANSWER","name":"Zoë"}"#, contentType: "application/json; charset=iso-8859-1")),
        BadAnswer("no JSON", .body("MARKERANSWER")),
        BadAnswer("an empty body", .body("")),
        BadAnswer("two tokens", .body(#"{"token":"MARKERANSWER","token":"other"}"#)),
        BadAnswer("no token", .body(#"{"MARKERANSWERMARKERANSWERMARKER":"MARKERANSWER"}"#)),
        BadAnswer("a number for a token", .body(#"{"token":1}"#)),
        BadAnswer("an empty token", .body(#"{"token":""}"#)),
        BadAnswer("a token with newlines", .body(#"{"token":"MARKERANSWER\nX"}"#)),
        BadAnswer("a token with a blank", .body(#"{"token":"MARKER ANSWER"}"#)),
        BadAnswer("a token beyond ASCII", .body(#"{"token":"MARKERANSWERé"}"#)),
        BadAnswer("a token that is too long", .body(#"{"token":"\#(String(repeating: "x", count: 4097))"}"#)),
        BadAnswer("a token that has expired", .body(#"{"token":"MARKERANSWER","expires_in":0}"#)),
        BadAnswer("a token that expired before", .body(#"{"token":"MARKERANSWER","expires_in":-1}"#)),
        BadAnswer("too much", .body(#"{"x":"\#(String(repeating: "x", count: 70_000))"}"#)),
        BadAnswer("too much without end", .endless),
        BadAnswer("400", .body(#"{"error":"MARKERANSWER"}"#, status: 400)),
        BadAnswer("401", .body(#"{"error":"MARKERANSWER"}"#, status: 401)),
        BadAnswer("429", .body("MARKERANSWER", status: 429)),
        BadAnswer("201", .body(#"{"token":"MARKERANSWER"}"#, status: 201)),
        BadAnswer("a redirect", .redirect(to: "http://127.0.0.1:1/MARKERANSWER")),
        BadAnswer("500", .body("MARKERANSWER", status: 500), isRefused: false),
        BadAnswer("503", .body("MARKERANSWER", status: 503), isRefused: false),
        BadAnswer("a body that is cut off", .cutOff, isRefused: false),
        BadAnswer("garbage", .garbage, isRefused: false),
    ]

    @Test(arguments: [
        "application/json", "APPLICATION/JSON ; Charset=\"UTF-8\"", "text/json", "application/vnd.acme.token+json",
        "application/json;charset=iso-8859-1", "application/json; charset=utf-16", "", nil,
    ])
    func readsJSONWhateverItIsCalled(contentType: String?) async throws {
        let answer = FakeHTTPServer.Answer.body(#"{"token":"up_1"}"#, contentType: contentType)
        let upstream = try RunningUpstream(try await FakeUpstream.start(answer))
        #expect(try await upstream.token().bytes == Array("up_1".utf8))
        try await upstream.end()
    }

    @Test func readsJSONBehindAByteOrderMark() async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(.body("\u{FEFF}{\"token\":\"up_1\"}")))
        #expect(try await upstream.failure() == nil)
        try await upstream.end()
    }

    // MARK: How long a token lives

    private static let longest = Duration.seconds(1_000_000_000)

    @Test(arguments: [
        ("60", Duration.seconds(60)), ("\"60\"", .seconds(60)), ("59.5", .seconds(59.5)), ("\"59.5\"", .seconds(59.5)),
        ("6e1", .seconds(60)), ("9007199254740993", longest), ("9223372036854775807", longest),
        ("\"9223372036854775808\"", longest), ("1e300", longest), ("null", nil),
    ])
    func readsALifeHoweverLongOrWritten(value: String, life: Duration?) async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(.freshToken(more: "\"expires_in\":\(value)")))
        #expect(try await upstream.token().lifetime == life)
        try await upstream.end()
    }

    @Test(arguments: [
        ("0", "a token that has expired already"), ("-1", "a token that has expired already"),
        ("\"-9223372036854775808\"", "a token that has expired already"),
        ("-1e300", "a token that has expired already"),
        ("\"soon\"", "no number of seconds where its end should stand"),
        ("\"\"", "no number of seconds where its end should stand"),
        ("\"0x10\"", "no number of seconds where its end should stand"),
        ("\"inf\"", "no number of seconds where its end should stand"),
        ("\"60 \"", "no number of seconds where its end should stand"),
        ("true", "no number of seconds where its end should stand"),
        ("[60]", "no number of seconds where its end should stand"),
    ])
    func namesALifeThatItCannotRead(value: String, reason: String) async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(.freshToken(more: "\"expires_in\":\(value)")))
        let failure = try #require(try await upstream.failure())
        #expect(failure.isRefused && failure.cause.hasPrefix("\(reason); status 200 after "), "\(failure.cause)")
        try await upstream.end()
    }

    @Test(arguments: [
        ("253402300799", nil), ("253402300800", "a token that ends after the year 9999: is that milliseconds?"),
        ("1764003600000", "a token that ends after the year 9999: is that milliseconds?"),
        ("9223372036854775807", "a token that ends after the year 9999: is that milliseconds?"),
        ("1", "a token that has expired already"),
    ])
    func readsAnEndThatMakesSense(value: String, reason: String?) async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.freshToken(more: "\"ends\":\(value)")),
            expiry: .at(JSONPointer("/ends")!))
        let failure = try await upstream.failure()
        #expect(failure?.cause.prefix { $0 != ";" } == reason.map { $0[...] })
        try await upstream.end()
    }

    // MARK: Answers that are none

    /// A failure each, nothing of the answer in it or in the log, and the next call is served.
    @Test(arguments: badAnswers, HTTPVersion.allCases)
    func refusesWhatIsNoAnswer(bad: BadAnswer, version: HTTPVersion) async throws {
        let upstream = try await RunningUpstream.start(version)
        upstream.fake.answerNext(bad.answer)
        let failure = try #require(try await upstream.failure())
        #expect(bad.isRefused ? failure.isRefused : failure.isUnavailable, "\(failure)")
        #expect(!failure.cause.contains("MARKER") && !failure.cause.isEmpty)
        #expect(!upstream.log.lines.contains { $0.contains("MARKER") })
        #expect(upstream.fake.requestCount == 1)
        // That a connection has ended may not be noticed yet.
        try await eventually("the next call is served") { try await upstream.failure() == nil }
        try await upstream.end()
    }

    @Test func saysTheShapeOfAnAnswer() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.body(#"{"error":"MARKERANSWER","list":[1,2],"ok":true}"#, status: 403)))
        let cause = try #require(try await upstream.failure()).cause
        #expect(cause.hasPrefix("status 403 after "))
        #expect(cause.hasSuffix(" ms, {error: string(12), list: array(2), ok: boolean}"))
        try await upstream.end()
    }

    @Test(arguments: HTTPVersion.allCases)
    func readsNoMoreOfAnEndlessAnswerThanItsLimit(version: HTTPVersion) async throws {
        let upstream = try await RunningUpstream.start(version, .endless)
        for _ in 0..<20 { #expect(try await upstream.failure()?.isRefused == true) }
        // Socket buffers hold what nobody reads.
        #expect(upstream.fake.bytesSent < 20 * 16 * 1_048_576)
        try await upstream.end()
    }

    @Test(arguments: [FakeHTTPServer.Answer.drip, .silence], HTTPVersion.allCases)
    func givesUpWhenItsTimeHasRunOut(answer: FakeHTTPServer.Answer, version: HTTPVersion) async throws {
        let upstream = try await RunningUpstream.start(version, answer, transport: Self.quick)
        let start = ContinuousClock.now
        #expect(try await upstream.failure()?.isTimedOut == true)
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(upstream.fake.requestCount == 1)
        try await upstream.end()
    }

    @Test func keepsToTheCallersTimeWhereThatIsShorter() async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(.silence))
        let start = ContinuousClock.now
        #expect(try await upstream.failure(within: .milliseconds(150))?.isTimedOut == true)
        #expect(ContinuousClock.now - start < .milliseconds(1900), "the service would have had 2 s")
        try await upstream.end()
    }

    // MARK: Limits

    @Test(arguments: [(-1, true), (0, true), (1, false)])
    func takesAnswersAndTokensUpToTheirLimits(beyond: Int, isTaken: Bool) async throws {
        let longest = #"{"token":"\#(String(repeating: "x", count: 200 + beyond))"}"#
        let padding = String(repeating: " ", count: 1000 + beyond - #"{"token":"x"}"#.utf8.count)
        for answer in [longest, #"{"token":"x"}"# + padding] {
            let upstream = try RunningUpstream(
                try await FakeUpstream.start(.body(answer)), transport: UpstreamTransport(maximumAnswerBytes: 1000),
                maximumBytes: 200)
            let failure = try await upstream.failure()
            #expect(isTaken ? failure == nil : failure?.isRefused == true)
            try await upstream.end()
        }
    }
}
