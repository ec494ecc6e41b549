import Testing
import TokenExchange
import UpstreamTokens

@Suite struct CircuitBreakerTests {
    private func failing(_ breaker: inout CircuitBreaker, times: Int, at now: Duration) -> CircuitBreaker.Event? {
        var event: CircuitBreaker.Event?
        for _ in 0..<times {
            guard let permit = breaker.permit(at: now) else { break }
            event = breaker.failed(permit, at: now, jitter: 0.5)
        }
        return event
    }

    private func admitted(_ breaker: inout CircuitBreaker, at now: Duration) throws -> CircuitBreaker.Permit {
        let permit = breaker.permit(at: now)
        return try #require(permit)
    }

    @Test func opensAfterFiveFailuresInARow() {
        var breaker = CircuitBreaker(CircuitBreakerLimits())
        #expect(failing(&breaker, times: 4, at: .zero) == nil)
        #expect(breaker.permit(at: .zero) != nil)
        #expect(failing(&breaker, times: 1, at: .zero) == .opened(.seconds(1)))
        #expect(breaker.permit(at: .milliseconds(999)) == nil)
        #expect(!breaker.isClosed)
    }

    @Test(arguments: [1, 2, 7])
    func keepsToItsLimits(failures: Int) throws {
        var breaker = CircuitBreaker(
            CircuitBreakerLimits(failures: failures, pause: .seconds(3), longestPause: .seconds(5)))
        #expect(failing(&breaker, times: failures - 1, at: .zero) == nil)
        #expect(failing(&breaker, times: 1, at: .zero) == .opened(.seconds(3)))
        #expect(failing(&breaker, times: 1, at: .seconds(3)) == .opened(.seconds(5)))
    }

    @Test func forgetsFailuresAtASuccess() throws {
        var breaker = CircuitBreaker(CircuitBreakerLimits())
        for _ in 0..<5 {
            #expect(failing(&breaker, times: 4, at: .zero) == nil)
            let permit = try admitted(&breaker, at: .zero)
            #expect(breaker.succeeded(permit) == nil)
        }
        #expect(breaker.isClosed)
    }

    @Test func letsOneProbeThroughAndClosesAtItsSuccess() throws {
        var breaker = CircuitBreaker(CircuitBreakerLimits())
        _ = failing(&breaker, times: 5, at: .zero)
        let probe = try admitted(&breaker, at: .seconds(1))
        #expect(breaker.permit(at: .seconds(1)) == nil)
        #expect(breaker.permit(at: .seconds(100)) == nil)
        #expect(breaker.succeeded(probe) == .closed)
        #expect(breaker.permit(at: .seconds(1)) != nil)
        #expect(breaker.isClosed)
    }

    @Test func doublesItsPauseWithEachFailedProbe() throws {
        var breaker = CircuitBreaker(CircuitBreakerLimits())
        _ = failing(&breaker, times: 5, at: .zero)
        var now = Duration.zero
        for expected in [2, 4, 8, 16, 30, 30] {
            now += .seconds(100)
            let probe = try admitted(&breaker, at: now)
            #expect(breaker.failed(probe, at: now, jitter: 0.5) == .opened(.seconds(expected)))
            #expect(breaker.permit(at: now + .seconds(expected) - .milliseconds(1)) == nil)
        }
    }

    @Test func spreadsItsPauses() {
        for (jitter, length) in [(0.0, Duration.milliseconds(800)), (1.0, .milliseconds(1200))] {
            var breaker = CircuitBreaker(CircuitBreakerLimits())
            _ = failing(&breaker, times: 4, at: .zero)
            let permit = breaker.permit(at: .zero)
            let event = permit.flatMap { breaker.failed($0, at: .zero, jitter: jitter) }
            #expect(event == .opened(length))
        }
    }

    @Test func ignoresCallsThatBeganBeforeTheLastChange() throws {
        var breaker = CircuitBreaker(CircuitBreakerLimits())
        let late = try admitted(&breaker, at: .zero)
        _ = failing(&breaker, times: 5, at: .zero)
        #expect(breaker.succeeded(late) == nil)
        #expect(breaker.permit(at: .zero) == nil)
        let probe = try admitted(&breaker, at: .seconds(1))
        #expect(breaker.failed(late, at: .seconds(1), jitter: 0.5) == nil)
        #expect(breaker.succeeded(probe) == .closed)
    }

    @Test func givesTheServiceTheRestItAsksFor() {
        var breaker = CircuitBreaker(CircuitBreakerLimits())
        #expect(breaker.rest(for: .seconds(7), at: .zero) == .opened(.seconds(7)))
        #expect(breaker.rest(for: .seconds(3), at: .zero) == nil)
        #expect(!breaker.isClosed)
        #expect(breaker.permit(at: .milliseconds(6999)) == nil)
        #expect(breaker.permit(at: .seconds(7)) != nil, "a probe")
        #expect(breaker.permit(at: .seconds(7)) == nil)
        #expect(breaker.rest(for: .seconds(31), at: .seconds(7)) == .opened(.seconds(30)), "no longer than this")
    }
}
