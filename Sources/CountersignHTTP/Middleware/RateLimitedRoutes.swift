/// Routes of which what the caller gets wrong (4xx) spends the allowance of its source. What is answered as asked spends
/// nothing, and our failures do not. Routes whose work costs something look first whether the source is barred.
package struct RateLimitedRoutes<Inner: Routes>: Routes {
    private let routes: Inner
    private let limiter: RateLimiter

    package init(_ routes: Inner, limiter: RateLimiter) {
        self.routes = routes
        self.limiter = limiter
    }

    package func name(of path: Substring) -> String { routes.name(of: path) }

    package func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        let problem: Problem
        do { return try await routes.reply(to: request) } catch { problem = error }
        guard problem.spendsAllowance else { throw problem }
        do { try limiter.spend(request.source, reason: problem.reason ?? problem.code.rawValue) } catch {
            throw problem.limited(by: error)
        }
        throw problem
    }
}

extension RateLimiter {
    /// To be called before a request costs something.
    func admit(_ request: IncomingRequest) throws(Problem) {
        do { try check(request.source) } catch { throw Problem(error) }
    }
}
