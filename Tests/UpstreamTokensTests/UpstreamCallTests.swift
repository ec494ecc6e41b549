import TestSupport
import Testing
import TokenExchange
import UpstreamTokens

/// How often a service is called, by whom, and when not.
@Suite(.serialized) struct UpstreamCallTests {
    private static let idempotent = UpstreamTransport(timeout: .seconds(2), attempts: 3, isIdempotent: true)

    // MARK: Retries

    @Test func triesAgainAfterA503WhereThatIsSafe() async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(), transport: Self.idempotent)
        upstream.fake.answerNext(.body("", status: 503), .body("", status: 502))
        _ = try await upstream.token()
        #expect(upstream.fake.requestCount == 3)
        try await upstream.end()
    }

    @Test(arguments: [500, 501, 400, 429])
    func neverTriesAgainAfterOtherStatuses(status: Int) async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.body("", status: status)), transport: Self.idempotent)
        #expect(try await upstream.failure() != nil)
        #expect(upstream.fake.requestCount == 1)
        try await upstream.end()
    }

    @Test func neverTriesAgainWhatMayHaveBeenDone() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.body("", status: 503)),
            transport: UpstreamTransport(attempts: 3, isIdempotent: false))
        #expect(try await upstream.failure()?.isUnavailable == true)
        #expect(upstream.fake.requestCount == 1)
        try await upstream.end()
    }

    @Test(arguments: [429, 502, 503, 504])
    func leavesAServiceAloneForAsLongAsItAsks(status: Int) async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.body("", status: status, headers: ["Retry-After": "30"])),
            transport: Self.idempotent)
        #expect(try await upstream.failure() != nil)
        let resting = UpstreamFailure.unavailable(
            cause: "left alone: the service failed too often, or asked for a rest")
        #expect(try await upstream.failure() == resting)
        #expect(upstream.service.status.isOpen)
        #expect(upstream.log.lines.filter { $0.hasPrefix("warning") }.count == 1)
        #expect(upstream.fake.requestCount == 1)
        try await upstream.end()
    }

    @Test func retriesOnceTheServiceHasRested() async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(), transport: Self.idempotent)
        upstream.fake.answerNext(.body("", status: 503, headers: ["Retry-After": "1"]))
        let start = ContinuousClock.now
        _ = try await upstream.token()
        #expect(ContinuousClock.now - start >= .seconds(1))
        #expect(upstream.fake.requestCount == 2)
        try await upstream.end()
    }

    @Test func restsNoLongerThanTheLongestPause() async throws {
        let limits = CircuitBreakerLimits(pause: .milliseconds(10), longestPause: .milliseconds(20))
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(), transport: UpstreamTransport(circuitBreaker: limits))
        upstream.fake.answerNext(.body("", status: 503, headers: ["Retry-After": "3600"]))
        #expect(try await upstream.failure()?.isUnavailable == true)
        try await eventually("the service has rested") { try await upstream.failure() == nil }
        try await upstream.end()
    }

    @Test func triesAgainWhereTheConnectionWasRefused() async throws {
        let fake = try await FakeUpstream.start()
        let upstream = try RunningUpstream(fake, transport: UpstreamTransport(attempts: 5))
        let port = fake.port
        try await fake.stop()
        #expect(try await upstream.failure() == .unavailable(cause: "connection refused"))
        #expect(upstream.service.status.failures == 5)
        // Open by now; the probe a second later finds the service back.
        #expect(upstream.service.status.isOpen)
        let back = try await FakeUpstream.start(port: port)
        try await eventually("the breaker closes") { try await upstream.failure() == nil }
        #expect(!upstream.service.status.isOpen)
        #expect(back.requestCount == 1)
        upstream.service.shutDown()
        try await back.stop()
    }

    @Test func stopsCallingAServiceThatIsDownAndTellsOnce() async throws {
        let upstream = try RunningUpstream(try await FakeUpstream.start(.body("MARKER", status: 500)))
        for _ in 0..<20 { #expect(try await upstream.failure()?.isUnavailable == true) }
        #expect(upstream.fake.requestCount == 5)
        let warnings = upstream.log.lines.filter { $0.hasPrefix("warning") }
        #expect(warnings.count == 1 && warnings[0].contains("status 500"), "\(warnings)")
        try await upstream.end()
    }

    // MARK: Connections that end

    /// Answers the first request of each connection, and closes at the next.
    private static func closing() async throws -> ByteServer {
        try await ByteServer.start { _, request in request == 0 ? [.json(#"{"token":"up_1"}"#)] : [.close] }
    }

    @Test func losesNoIdempotentCallToAServiceThatClosesKeptConnections() async throws {
        let server = try await Self.closing()
        let upstream = try RunningUpstream(server, transport: UpstreamTransport(attempts: 1, isIdempotent: true))
        for _ in 0..<20 { #expect(try await upstream.failure() == nil) }
        #expect(server.connectionCount == 20)
        #expect(upstream.service.status.failures == 0 && !upstream.service.status.isOpen)
        try await upstream.end()
    }

    @Test func doesNotStopCallingAServiceForKeptConnectionsThatItClosed() async throws {
        let server = try await Self.closing()
        let upstream = try RunningUpstream(
            server, transport: UpstreamTransport(circuitBreaker: CircuitBreakerLimits(failures: 1)))
        for _ in 0..<6 {
            #expect(try await upstream.failure() == nil)
            // It may have been acted upon.
            #expect(try await upstream.failure() == .unavailable(cause: "connection closed early"))
        }
        #expect(!upstream.service.status.isOpen && upstream.service.status.failures == 6)
        try await upstream.end()
    }

    @Test(arguments: [(true, 3), (false, 1)])
    func triesAgainWhereANewConnectionClosesUnansweredIfThatIsSafe(isIdempotent: Bool, calls: Int) async throws {
        let server = try await ByteServer.start { _, _ in [.close] }
        let upstream = try RunningUpstream(
            server, transport: UpstreamTransport(attempts: 3, isIdempotent: isIdempotent))
        #expect(try await upstream.failure() == .unavailable(cause: "connection closed early"))
        #expect(server.requestCount == calls && upstream.service.status.failures == calls)
        try await upstream.end()
    }

    @Test func staysOpenWhereTheProbesKeptConnectionCloses() {
        var breaker = CircuitBreaker(CircuitBreakerLimits(failures: 1, pause: .seconds(1)))
        let first = breaker.permit(at: .zero)!
        #expect(breaker.learnedNothing(first, at: .zero, jitter: 0.5) == nil && breaker.isClosed)
        #expect(breaker.failed(first, at: .zero, jitter: 0.5) == .opened(.seconds(1)))
        let probe = breaker.permit(at: .seconds(1))!
        #expect(breaker.learnedNothing(probe, at: .seconds(1), jitter: 0.5) == .opened(.seconds(2)))
        #expect(breaker.permit(at: .seconds(2)) == nil && breaker.permit(at: .seconds(3)) != nil)
    }

    // MARK: Secrets

    @Test func readsNoSecretBeforeACallAndWaitsForOneNoLongerThanItsTime() async throws {
        let fake = try await FakeUpstream.start()
        let count = CallCount()
        let secret = UpstreamSecret(place: "file k") { limit in
            if count.next() == 1 { return "s3cret" }
            try await Task.sleep(for: limit)
            throw Unanswered()
        }
        let upstream = try RunningUpstream(fake, headers: [UpstreamField(name: "X-Api-Key", source: .secret(secret))])
        #expect(count.count == 0)
        #expect(try await upstream.failure() == nil)
        #expect(fake.requests[0].header("X-Api-Key") == "s3cret")
        let start = ContinuousClock.now
        #expect(try await upstream.failure(within: .milliseconds(200)) == .unavailable(cause: "no answer"))
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(fake.requestCount == 1 && !upstream.service.status.isOpen)
        try await upstream.end()
    }

    private struct Unanswered: Error, CustomStringConvertible { let description = "no answer" }

    // MARK: The access token of a call that comes first

    @Test func keepsAnAccessTokenAndFetchesAnotherWhenItIsRefused() async throws {
        let access = try await FakeUpstream.start(.body(#"{"access_token":"first","expires_in":600}"#))
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(),
            headers: [UpstreamField(name: "Authorization", source: .accessToken, prefix: "Bearer ")],
            access: UpstreamAccess(
                endpoint: UpstreamEndpoint(
                    url: ExactText(access.url), format: .form, tokenAt: JSONPointer("/access_token")!,
                    expiry: .inSeconds(JSONPointer("/expires_in")!)),
                headers: [], body: [.constant("grant_type", "client_credentials")]))
        for _ in 0..<3 { _ = try await upstream.token() }
        #expect(access.requestCount == 1)
        #expect(access.requests[0].body == "grant_type=client_credentials")
        #expect(
            upstream.fake.requests.map { $0.header("Authorization") } == [
                "Bearer first", "Bearer first", "Bearer first",
            ])
        access.set(.body(#"{"access_token":"second","expires_in":600}"#))
        upstream.fake.answerNext(.body("", status: 401))
        _ = try await upstream.token()
        #expect(access.requestCount == 2)
        #expect(upstream.fake.requests.last?.header("Authorization") == "Bearer second")
        try await upstream.end()
        try await access.stop()
    }

    @Test func asksForAnAccessTokenItselfWhereAnothersTimeWasTooShort() async throws {
        let access = try await FakeUpstream.start(.silence)
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(), headers: [UpstreamField(name: "X-Access", source: .accessToken)],
            access: UpstreamAccess(
                endpoint: UpstreamEndpoint(url: ExactText(access.url), tokenAt: JSONPointer("/token")!), headers: [],
                body: []))
        let hasty = Task { try await upstream.failure(within: .milliseconds(400)) }
        try await eventually("a call") { access.requestCount == 1 }
        access.set(.freshToken())
        #expect(try await upstream.failure(within: .seconds(5)) == nil)
        #expect(try await hasty.value?.isTimedOut == true)
        try await upstream.end()
        try await access.stop()
    }

    // MARK: Trying it out

    @Test func makesEachCallOnceWhereItIsTriedOut() async throws {
        let access = try await FakeUpstream.start(.body(#"{"access_token":"MARKERACCESS"}"#))
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(.body("", status: 503)), transport: Self.idempotent,
            headers: [UpstreamField(name: "Authorization", source: .accessToken, prefix: "Bearer ")],
            access: Self.access(access))
        let busy = try await upstream.trial()
        #expect(upstream.fake.requestCount == 1 && access.requestCount == 1)
        #expect(upstream.fake.requests[0].header("Authorization") == "Bearer MARKERACCESS")
        #expect(busy.access?.answer.hasSuffix(", {access_token: string(12)}") == true)
        #expect(busy.access?.request.hasSuffix("\n\nsecret=***3-characters***") == true)
        #expect(busy.call?.request.contains("Authorization: Bearer ***access-token***\n") == true)
        #expect(busy.call?.answer.hasPrefix("status 503") == true && busy.token == nil)
        upstream.fake.set(.body("", status: 401))
        #expect(try await upstream.trial().token == nil)
        #expect(upstream.fake.requestCount == 2 && access.requestCount == 2, "a 401 is shown, not healed")
        upstream.fake.set(.freshToken())
        #expect(try await upstream.trial().token != nil)
        access.set(.body("", status: 503))
        let alone = try await upstream.trial()
        #expect(alone.access?.answer.hasPrefix("status 503") == true && alone.call == nil && alone.token == nil)
        #expect(upstream.fake.requestCount == 3 && access.requestCount == 4)
        try await upstream.end()
        try await access.stop()
    }

    @Test func asksForNoAccessTokenToTryOutWhatCannotBeSent() async throws {
        let access = try await FakeUpstream.start(.body(#"{"access_token":"a"}"#))
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(), headers: [.constant("X-Name", "é")], access: Self.access(access))
        await #expect(throws: UpstreamFailure.self) { try await upstream.trial() }
        #expect(access.requestCount == 0)
        try await upstream.end()
        try await access.stop()
    }

    private static func access(_ fake: FakeHTTPServer) -> UpstreamAccess {
        UpstreamAccess(
            endpoint: UpstreamEndpoint(url: ExactText(fake.url), format: .form, tokenAt: JSONPointer("/access_token")!),
            headers: [],
            body: [UpstreamField(name: "secret", source: .secret(UpstreamSecret(place: "env K") { _ in "a b" }))])
    }

    // MARK: Bulkhead

    @Test func keepsAFullHouseFromGrowing() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(),
            transport: UpstreamTransport(timeout: .seconds(5), connections: 1, calls: 16))
        upstream.fake.hold()
        let served = try await withThrowingTaskGroup(of: UpstreamFailure?.self) { group in
            for _ in 0..<16 { group.addTask { try await upstream.failure(within: .seconds(5)) } }
            try await eventually("the house is full") { upstream.service.status.inFlight == 16 }
            for _ in 0..<8 {
                let full = UpstreamFailure.unavailable(cause: "too many calls wait for the service already")
                #expect(try await upstream.failure() == full)
            }
            upstream.fake.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(served.allSatisfy { $0 == nil })
        #expect(upstream.fake.requestCount == 16 && upstream.fake.connectionCount == 1)
        #expect(upstream.service.status.inFlight == 0)
        try await upstream.end()
    }

    @Test func doesNotBlameTheServiceForTheLineBeforeIt() async throws {
        let upstream = try RunningUpstream(
            try await FakeUpstream.start(), transport: UpstreamTransport(timeout: .seconds(5), connections: 1))
        upstream.fake.hold()
        let first = Task { try await upstream.failure(within: .seconds(5)) }
        try await eventually("a call") { upstream.fake.requestCount == 1 }
        for _ in 0..<8 {
            let failure = try await upstream.failure(within: .milliseconds(20))
            #expect(failure == .timedOut(cause: "no connection to the service was free in time"))
        }
        #expect(!upstream.service.status.isOpen && upstream.service.status.failures == 0)
        upstream.fake.release()
        #expect(try await first.value == nil)
        #expect(try await upstream.failure() == nil)
        try await upstream.end()
    }
}
