import CountersignHTTP
import ServiceConfiguration
import TokenExchange

/// Finds out whether logins would succeed now.
struct ReadinessProbe: Sendable {
    let store: any SessionStore
    let providers: [IdentityProvider]

    /// An orchestrator's probe gives up after a second by default.
    private static let budget: Duration = .milliseconds(500)

    func callAsFunction() async -> Readiness {
        Readiness(components: [await sessionStore()])
    }

    private func sessionStore() async -> Readiness.Component {
        do {
            try await store.check(within: Self.budget)
            return Readiness.Component(name: "session_store", status: .ready)
        } catch {
            let isStrictUsed = providers.contains { $0.mode == .strict }
            return Readiness.Component(
                name: "session_store", status: isStrictUsed ? .unavailable : .degraded, detail: "\(error.cause)")
        }
    }
}
