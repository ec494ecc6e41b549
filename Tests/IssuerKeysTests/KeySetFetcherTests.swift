import IssuerKeys
import JOSE
import TestSupport
import Testing

/// What a fetch accepts, and how it says what it does not.
@Suite struct KeySetFetcherTests {
    let document = Array(#"{"keys":[]}"#.utf8)

    @Test func takesWhatIsAnsweredWithStatus200() async throws {
        let issuer = try await FakeIssuer.start(.document(document))
        #expect(try await fetcher(issuer)() == document)
        try await issuer.stop()
    }

    @Test func takesAsManyBytesAsTheLimitAndNoMore() async throws {
        let issuer = try await FakeIssuer.start(.document([UInt8](repeating: 0x20, count: KeySetFetcher.byteLimit)))
        #expect(try await fetcher(issuer)().count == 262_144)
        issuer.set(.document([UInt8](repeating: 0x20, count: KeySetFetcher.byteLimit + 1)))
        #expect(await cause(issuer) == "larger than 262144 bytes")
        issuer.set(.endless)
        #expect(await cause(issuer) == "larger than 262144 bytes")
        try await issuer.stop()
    }

    @Test(arguments: [204, 401, 404, 500, 503])
    func refusesOtherStatuses(_ status: Int) async throws {
        let issuer = try await FakeIssuer.start(.status(status))
        #expect(await cause(issuer) == "status \(status)")
        try await issuer.stop()
    }

    @Test func followsNoRedirect() async throws {
        let target = try await FakeIssuer.start(.document(document))
        let issuer = try await FakeIssuer.start(.redirect(to: target.url))
        #expect(await cause(issuer) == "status 302")
        #expect(target.requestCount == 0)
        try await issuer.stop()
        try await target.stop()
    }

    @Test func tellsOfAConnectionThatCloses() async throws {
        let issuer = try await FakeIssuer.start(.cutOff)
        let fetcher = KeySetFetcher(issuer)
        #expect(await cause(fetcher) == "connection closed early")
        try await issuer.stop()
        #expect(await cause(fetcher) == "connection refused")
    }

    @Test func boundsTheTimeOfABodyThatDrips() async throws {
        let issuer = try await FakeIssuer.start(.drip)
        #expect(await causeAfterTimeout(issuer) == "timed out: no whole answer within 2s")
        try await issuer.stop()
    }

    @Test func boundsTheTimeUntilTheAnswerBegins() async throws {
        let issuer = try await FakeIssuer.start(.document(document))
        issuer.hold()
        #expect(await causeAfterTimeout(issuer) == "timed out: no whole answer within 2s")
        issuer.release()
        try await issuer.stop()
    }

    @Test func trustsTheConfiguredAuthorityOnly() async throws {
        let certificate = try TestCertificate()
        let issuer = try await FakeIssuer.start(.document(document), certificate: certificate)
        #expect(await cause(issuer) == "certificate is not trusted")
        let stranger = try TestCertificate().certificates
        #expect(
            await cause(KeySetFetcher(issuer, trustRoots: stranger))
                == "certificate is not trusted")
        let fetcher = KeySetFetcher(issuer, trustRoots: try certificate.certificates)
        #expect(try await fetcher() == document)
        #expect(issuer.requestCount == 1)
        try await issuer.stop()
    }

    @Test func checksTheNameInTheCertificate() async throws {
        let certificate = try TestCertificate(names: "DNS:id.example")
        let issuer = try await FakeIssuer.start(.document(document), certificate: certificate)
        let fetcher = KeySetFetcher(issuer, trustRoots: try certificate.certificates)
        #expect(await cause(fetcher) == "certificate is not for this host")
        try await issuer.stop()
    }

    @Test(arguments: [
        ("<html>", "expected a JWK set, found no valid JSON"),
        ("{}", #"expected a JWK set, found JSON without an array "keys""#),
    ])
    func saysWhatIsWrongWithADocument(_ text: String, _ cause: String) async throws {
        let running = RunningKeys(try await FakeIssuer.start(.document(Array(text.utf8))))
        try await running.whileRunning { try await running.eventuallyFails(with: cause) }
    }

    private func fetcher(_ issuer: FakeHTTPServer) -> KeySetFetcher {
        KeySetFetcher(issuer)
    }

    private func cause(_ issuer: FakeHTTPServer) async -> String? { await cause(fetcher(issuer)) }

    private func cause(_ fetcher: KeySetFetcher) async -> String? {
        do {
            _ = try await fetcher()
            return nil
        } catch { return error.cause }
    }

    /// Moves the clock to the time-out once the request has arrived.
    private func causeAfterTimeout(_ issuer: FakeHTTPServer) async -> String? {
        let time = ManualClock()
        async let cause = cause(
            KeySetFetcher(issuer, timeout: .seconds(2), sleep: time.sleep))
        try? await eventually("a request") { issuer.requestCount == 1 && time.sleeperCount == 1 }
        time.advance(by: .seconds(2))
        return await cause
    }
}
