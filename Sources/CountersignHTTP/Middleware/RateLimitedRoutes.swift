/// Routes whose refusals (4xx) spend the allowance of the caller's source. Success and our own failures spend nothing.
/// Whether the source is barred is checked by the routes themselves, before they do anything costly.
package struct RateLimitedRoutes<Inner: Routes>: Routes {
    private let routes: Inner
    private let limiter: RateLimiter

    package init(_ routes: Inner, limiter: RateLimiter) {
        self.routes = routes
        self.limiter = limiter
    }

    package func name(of path: Substring) -> String { routes.name(of: path) }

    /// - Throws: the routes' problem, or `rate_limited` if the source cannot afford to learn it.
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
