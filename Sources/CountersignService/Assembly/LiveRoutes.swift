import CountersignHTTP
import ServiceConfiguration
import Synchronization
import TokenExchange

/// The routes of the moment, made of a configuration and a key ring of which each is replaced without the other. Requests
/// take no lock for the keys: routes hold their ring, and new keys make new routes.
final class LiveRoutes: Sendable {
    let routes: ReloadableRoutes
    private let blueprint: Mutex<Blueprint>
    private let make: @Sendable (Blueprint, SigningKeyRing) -> PublicRoutes

    init(_ blueprint: Blueprint, make: @escaping @Sendable (Blueprint, SigningKeyRing) -> PublicRoutes) {
        self.blueprint = Mutex(blueprint)
        self.make = make
        routes = ReloadableRoutes(make(blueprint, blueprint.keys))
    }

    func replace(_ blueprint: Blueprint, keys: SigningKeyRing) {
        self.blueprint.withLock {
            $0 = blueprint
            routes.replace(with: make(blueprint, keys))
        }
    }

    var verifiers: VerifierDirectory { blueprint.withLock(\.verifiers) }

    var configuration: Configuration { blueprint.withLock(\.configuration) }

    func replace(keys: SigningKeyRing) {
        blueprint.withLock { routes.replace(with: make($0, keys)) }
    }
}
