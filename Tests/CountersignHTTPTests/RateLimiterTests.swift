import CountersignHTTP
import NIOCore
import Testing
import TokenExchange

@Suite struct RateLimiterTests {
    private func source(_ address: String) throws -> RequestSource {
        try #require(RequestSource(try SocketAddress(ipAddress: address, port: 1)))
    }

    @Test func admitsABurstThenTheLastingRate() throws {
        let limiter = RateLimiter(requestsPerSecond: 10, burst: 5, addressLimit: 10)
        let source = try source("192.0.2.1")
        #expect((0..<6).map { _ in limiter.admits(source, at: .zero) } == [true, true, true, true, true, false])
        #expect(!limiter.admits(source, at: .milliseconds(99)))
        #expect(limiter.admits(source, at: .milliseconds(100)))
        #expect(!limiter.admits(source, at: .milliseconds(101)))
        #expect((0..<6).map { _ in limiter.admits(source, at: .seconds(60)) }.count { $0 } == 5)
    }

    @Test func keepsSourcesApart() throws {
        let limiter = RateLimiter(requestsPerSecond: 1, burst: 1, addressLimit: 10)
        #expect(limiter.admits(try source("192.0.2.1"), at: .zero))
        #expect(limiter.admits(try source("192.0.2.2"), at: .zero))
        #expect(!limiter.admits(try source("192.0.2.1"), at: .zero))
        #expect(limiter.admits(try source("2001:db8::1"), at: .zero))
        #expect(!limiter.admits(try source("2001:db8::2"), at: .zero), "one /64 is one source")
        #expect(limiter.admits(try source("2001:db8:0:1::1"), at: .zero))
    }

    @Test func remembersNoMoreThanTwiceItsLimitOfAddresses() throws {
        let limiter = RateLimiter(requestsPerSecond: 1, burst: 1, addressLimit: 2)
        for number in 1...5 { #expect(limiter.admits(try source("192.0.2.\(number)"), at: .zero)) }
        #expect(!limiter.admits(try source("192.0.2.5"), at: .zero))
        #expect(!limiter.admits(try source("192.0.2.4"), at: .zero))
        #expect(limiter.admits(try source("192.0.2.1"), at: .zero), "forgotten, in favour of the caller")
    }
}
