import NIOSSL
import TestSupport
import Testing
import TokenExchange
import UpstreamTokens

/// The connections to an internal service: whom they trust, and how many there are.
@Suite(.serialized) struct UpstreamConnectionTests {
    // MARK: TLS

    @Test func speaksTLSWithAServiceWhoseCertificateItKnowsAndNoOther() async throws {
        let certificate = try TestCertificate()
        let fake = try await FakeUpstream.start(certificate: certificate)
        var known = TLSConfiguration.makeClientConfiguration()
        known.trustRoots = .certificates(try certificate.certificates)
        let upstream = try RunningUpstream(fake, tls: known)
        _ = try await upstream.token()
        let stranger = try RunningUpstream(fake)
        #expect(try await stranger.failure() == .unavailable(cause: "certificate is not trusted"))
        #expect(fake.requestCount == 1)
        stranger.service.shutDown()
        try await upstream.end()
    }

    @Test func provesItselfByItsOwnCertificate() async throws {
        let certificate = try TestCertificate()
        let fake = try await FakeUpstream.start(certificate: certificate, asksForCertificate: true)
        let upstream = try RunningUpstream(fake, tls: try certificate.clientConfiguration)
        _ = try await upstream.token()
        var nameless = TLSConfiguration.makeClientConfiguration()
        nameless.trustRoots = .certificates(try certificate.certificates)
        let stranger = try RunningUpstream(fake, tls: nameless)
        #expect(try await stranger.failure()?.isUnavailable == true)
        #expect(fake.requestCount == 1)
        stranger.service.shutDown()
        try await upstream.end()
    }

    // MARK: HTTP/2

    @Test func sharesOneConnectionWhereTheServiceOffersHTTP2() async throws {
        let upstream = try await RunningUpstream.start(.http2)
        _ = try await upstream.token()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = try await upstream.token() } }
            try await group.waitForAll()
        }
        #expect(upstream.fake.requestCount == 51)
        #expect(upstream.fake.requests.allSatisfy { $0.isHTTP2 })
        #expect(upstream.fake.connectionCount == 1)
        try await upstream.end()
    }

    @Test func connectsAgainIfTheConnectionOfManyCallsIsLost() async throws {
        let upstream = try await RunningUpstream.start(.http2)
        upstream.fake.hold()
        async let failures = withThrowingTaskGroup(of: UpstreamFailure?.self) { group in
            for _ in 0..<4 { group.addTask { try await upstream.failure() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try await eventually("all have called") { upstream.fake.requestCount == 4 }
        upstream.fake.closeConnections()
        #expect(try await failures.allSatisfy { $0?.isUnavailable == true })
        upstream.fake.release()
        // That a connection has ended may not be noticed yet.
        try await eventually("the next call is served") { try await upstream.failure() == nil }
        try await upstream.end()
    }
}
