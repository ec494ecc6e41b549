import CountersignHTTP
import IssuerKeys
import ServiceConfiguration
import TokenExchange
import UpstreamTokens

/// Finds out whether logins would succeed now.
struct ReadinessProbe: Sendable {
    let store: any SessionStore
    let revocations: RevocationList
    let providers: [IdentityProvider]
    let remoteKeys: RemoteTenantKeys
    let signingKeys: SigningKeyWatch
    let upstreams: UpstreamServices
    /// Nil if there is no audit stream.
    let audit: AuditTrail?

    /// An orchestrator's probe gives up after a second by default.
    private static let budget: Duration = .milliseconds(500)

    /// Asks the store; takes at most about half a second.
    func callAsFunction() async -> Readiness {
        async let store = sessionStore()
        async let revocations = revocationList()
        return Readiness(
            components: [await store, await revocations, signing] + remoteKeys.statuses.map(issuerKeys)
                + upstreams.statuses.map(upstream) + (audit.map { [component(of: $0)] } ?? []))
    }

    /// With the last good keys logins go on, but the next rotation may fail. Without any key (the only one is
    /// compromised), no login succeeds.
    private var signing: Readiness.Component {
        let withoutKey = providers.filter { provider in
            guard case .minted(.jwt(let shape)) = provider.token.kind else { return false }
            return !signingKeys.signs(shape.algorithm)
        }
        let problems =
            withoutKey.isEmpty
            ? [] : ["no active key for \(withoutKey.map(\.name.description).joined(separator: ", "))"]
        let all = problems + [signingKeys.problem].compactMap { $0 }
        let status: Readiness.Status =
            withoutKey.contains { $0.mode == .strict } ? .unavailable : all.isEmpty ? .ready : .degraded
        return Readiness.Component(
            name: "signing_keys", status: status, detail: all.isEmpty ? nil : all.joined(separator: "; "),
            remedy: all.isEmpty ? nil : Remedy.repairKeyDirectory)
    }

    /// Another replica would have the same trouble, so an internal service that is down takes no replica out of
    /// rotation.
    private func upstream(of provider: ExactText, _ status: UpstreamService.Status) -> Readiness.Component {
        Readiness.Component(
            name: "upstream.\(provider)", status: status.isOpen ? .degraded : .ready,
            detail: status.isOpen ? "the circuit breaker is open: \(status.openCause ?? "it waits")" : nil,
            remedy: status.isOpen ? Remedy.reachService : nil)
    }

    private func component(of audit: AuditTrail) -> Readiness.Component {
        let problem = audit.problem
        return Readiness.Component(
            name: "audit", status: problem == nil ? .ready : audit.stopsLogins ? worst : .degraded, detail: problem,
            remedy: problem.map { _ in Remedy.writeAudit })
    }

    private func issuerKeys(of tenant: ExactText, _ keys: IssuerKeyStatus) -> Readiness.Component {
        let isStrictUsed = providers.contains { $0.mode == .strict && $0.tenants.contains(tenant) }
        let status: Readiness.Status =
            if keys.isUsable { keys.lastError == nil ? .ready : .degraded } else {
                isStrictUsed ? .unavailable : .degraded
            }
        let age = keys.age.map { "keys of \(Int64($0.inSeconds)) s ago" } ?? "no usable keys"
        return Readiness.Component(
            name: "issuer_keys.\(tenant)", status: status,
            detail: status == .ready ? nil : "\(keys.lastError ?? "not fetched yet"); \(age)",
            remedy: status == .ready ? nil : Remedy.reachIssuer)
    }

    private func sessionStore() async -> Readiness.Component {
        do {
            try await store.check(within: Self.budget)
            return Readiness.Component(name: "session_store", status: .ready)
        } catch {
            return Readiness.Component(
                name: "session_store", status: worst, detail: "\(error.cause)", remedy: error.cause.remedy)
        }
    }

    /// Without the list no session counts as good. That nothing can be added to it does no harm until something must be
    /// revoked.
    private func revocationList() async -> Readiness.Component {
        if !revocations.isFresh || revocations.failure != nil {
            do { try await revocations.read(within: Self.budget) } catch {
                return Readiness.Component(
                    name: "revocations", status: revocations.isFresh ? .degraded : worst,
                    detail: "cannot be read: \(error.cause); read \(Int64(revocations.age.inSeconds)) s ago",
                    remedy: error.cause.remedy)
            }
        }
        do { try await revocations.checkWriting(within: Self.budget) } catch {
            return Readiness.Component(
                name: "revocations", status: .degraded, detail: "cannot be added to: \(error.cause)",
                remedy: error.cause.remedy)
        }
        return Readiness.Component(name: "revocations", status: .ready)
    }

    /// The status of a replica whose store fails.
    private var worst: Readiness.Status { providers.contains { $0.mode == .strict } ? .unavailable : .degraded }
}
