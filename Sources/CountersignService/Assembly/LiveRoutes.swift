import CountersignHTTP
import ServiceConfiguration
import Synchronization
import TokenExchange

/// The current routes, made of a configuration and a key ring, each of which can be replaced without the other.
/// Requests take no lock for the keys: routes hold their ring, and new keys make new routes.
final class LiveRoutes: Routes {
    /// Held while routes are made, one set after another.
    private let blueprint: Mutex<Blueprint>
    /// Held for a moment by every request.
    private let routes: Mutex<PublicRoutes>
    private let secret: Mutex<OperationsSecret?>
    private let make: @Sendable (Blueprint, SigningKeyRing) -> PublicRoutes

    /// - Parameter make: called for each new configuration or key ring, one call at a time.
    init(_ blueprint: Blueprint, make: @escaping @Sendable (Blueprint, SigningKeyRing) -> PublicRoutes) {
        self.blueprint = Mutex(blueprint)
        routes = Mutex(make(blueprint, blueprint.keys))
        secret = Mutex(blueprint.operationsListener.secret)
        self.make = make
    }

    /// Takes a new configuration with its keys. Requests in progress keep their routes.
    func replace(_ blueprint: Blueprint, keys: SigningKeyRing) {
        self.blueprint.withLock {
            $0 = blueprint
            take(make(blueprint, keys))
            if let new = blueprint.operationsListener.secret { secret.withLock { if $0 != nil { $0 = new } } }
        }
    }

    /// Takes new keys for the current configuration.
    func replace(keys: SigningKeyRing) {
        blueprint.withLock { take(make($0, keys)) }
    }

    private func take(_ routes: PublicRoutes) { self.routes.withLock { $0 = routes } }

    /// Those of the current configuration.
    var verifiers: VerifierDirectory { blueprint.withLock(\.verifiers) }

    /// When they end, as they were when the current configuration was read.
    var certificates: [CertificateExpiry] { blueprint.withLock(\.certificates) }

    /// What requests to the operations listener must present; nil if they need nothing. A new configuration renews it;
    /// whether there is one waits for a restart.
    var operationsSecret: OperationsSecret? { secret.withLock(\.self) }

    /// That of the current configuration.
    var prober: Prober? { blueprint.withLock(\.prober) }

    /// The current configuration.
    var configuration: Configuration { blueprint.withLock(\.configuration) }

    var current: any Routes { routes.withLock(\.self) }

    func name(of path: ExactText) -> LabelValue { current.name(of: path) }

    func reply(to request: IncomingRequest) async throws -> Reply {
        try await current.reply(to: request)
    }
}
