import CountersignHTTP
import Synchronization

/// The public routes of the moment; a reload swaps them whole, requests that are under way keep theirs.
final class ReloadableRoutes: Routes {
    private let current: Mutex<PublicRoutes>

    init(_ routes: PublicRoutes) {
        current = Mutex(routes)
    }

    func replace(with routes: PublicRoutes) {
        current.withLock { $0 = routes }
    }

    func name(of path: Substring) -> String { current.withLock { $0 }.name(of: path) }

    func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        try await current.withLock { $0 }.reply(to: request)
    }
}
