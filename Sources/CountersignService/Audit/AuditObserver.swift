import CountersignHTTP
import Synchronization
import TokenExchange

/// Tells the audit stream of requests: refused and failed logins, revocations, and verifiers that are refused. Logins that
/// succeed are told of by ``AuditTrail/record(_:degradedBy:within:)``.
struct AuditObserver: RequestObserver {
    private let trail: AuditTrail
    private let budget: RefusalBudget

    /// For all listeners, which share its budget.
    init(_ trail: AuditTrail) {
        self.trail = trail
        budget = RefusalBudget(limit: trail.refusalsPerSecond)
    }

    func observe(_ report: RequestReport) {
        guard let event = event(of: report) else { return }
        let entry = entry(event, of: report)
        let (isAdmitted, leftOut) = budget.admits(entry, elapsed: trail.time.elapsed())
        if leftOut > 0 {
            var summary = AuditEntry(.refusalsLeftOut, at: entry.time)
            summary.count = leftOut
            trail.append(summary)
        }
        if isAdmitted { trail.append(entry) }
    }

    private func event(of report: RequestReport) -> AuditEvent? {
        let kind = report.kind
        if [.verifierRejected, .revocationNotAllowed].contains(kind.error) { return .verifierRefused }
        switch report.ended {
        case .one: return .revoke
        case .cohort: return .revokeCohort
        case nil: break
        }
        let isLogin = ["callback", "token"].contains(kind.route)
        guard isLogin || ["revoke", "revocations"].contains(kind.route) else { return nil }
        if kind.status >= 500 { return .failure }
        guard isLogin else { return nil }
        if report.isRefusal || kind.error == .rateLimited { return .refusal }
        // An optional provider's answer without a token; with one it is a login.
        return report.failure != nil && report.exchange?.read { $0.externalIdentity != nil } != true ? .failure : nil
    }

    private func entry(_ event: AuditEvent, of report: RequestReport) -> AuditEntry {
        let facts = report.exchange?.facts
        var entry = AuditEntry(event, at: trail.time.now())
        entry.requestID = report.requestID
        entry.endpoint = report.kind.route
        entry.identityProvider = report.kind.identityProvider
        entry.tenant = report.tenant ?? facts?.tenant
        entry.verifier = report.verifier
        entry.identityToken = report.exchange?.identityToken
        if let facts, facts.subject != nil {
            entry.people = trail.hashes(
                of: .init(subject: facts.subject, tenant: facts.tenant, device: report.exchange?.device))
        }
        entry.errorCode = report.kind.error?.rawValue
        entry.reason = report.kind.reason
        entry.degradedBy = report.kind.degradedBy
        switch report.ended {
        case .one(let session, let externalIdentity):
            entry.externalIdentity = externalIdentity
            entry.identityProvider = session?.identityProvider
            entry.tenant = session?.tenant
            entry.people = trail.hashes(of: .init(subject: session?.subject, tenant: session?.tenant))
            entry.sessions = session == nil ? 0 : 1
        case .cohort(let revoked): entry.describe(revoked, trail.hashes)
        case nil: break
        }
        return entry
    }
}

extension AuditEntry {
    /// Names tenant, provider or key; of subject and device only the keyed hash.
    mutating func describe(
        _ revoked: RevokedCohort, _ hashes: (AuditCorrelation.People) -> AuditCorrelation.Hashes
    ) {
        let cohort = revoked.cohort
        self.cohort = cohort.kind
        issuedBefore = revoked.issuedBefore
        switch cohort.kind {
        case .subject: people = hashes(.init(subject: cohort.value))
        case .device: people = hashes(.init(device: cohort.value))
        case .tenant: tenant = cohort.value
        case .identityProvider: identityProvider = cohort.value
        case .keyID: keyID = cohort.value
        case .all: break
        }
    }
}

/// How many refused requests have an entry each second. Anybody can cause them, and they must neither fill the disk nor
/// push other entries out of the queue.
package final class RefusalBudget: Sendable {
    private struct State {
        var second: Int64 = 0
        var count = 0
        var leftOut = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: in a second.
    package init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: whether to write the entry, and how many were left out in an earlier second that nobody has told of.
    package func admits(_ entry: AuditEntry, elapsed: Duration) -> (isAdmitted: Bool, leftOut: Int) {
        state.withLock { state in
            var leftOut = 0
            if elapsed.components.seconds != state.second {
                leftOut = state.leftOut
                state = State(second: elapsed.components.seconds)
            }
            guard !entry.isImportant else { return (true, leftOut) }
            guard state.count < limit else {
                state.leftOut += 1
                return (false, leftOut)
            }
            state.count += 1
            return (true, leftOut)
        }
    }
}
