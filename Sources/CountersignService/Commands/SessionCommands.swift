import JOSE
import Logging
package import ServiceConfiguration
package import TokenExchange

/// What `countersign sessions` does with the store that the service shares.
package struct SessionCommands: Sendable {
    private let configuration: Configuration
    private let sessions: SessionAssembly
    private let time: TimeSource

    package init(_ configuration: Configuration, time: TimeSource) {
        self.configuration = configuration
        self.time = time
        sessions = SessionAssembly(configuration, time: time, logger: .silent)
    }

    /// Whether the sessions are where a command can reach them.
    package var canReachSessions: Bool { sessions.isShared }

    /// Ends the sessions of a cohort on all replicas; says so.
    package func revoke(_ cohort: Cohort, issuedBefore moment: UnixTime?) async throws(StartUpError) -> String {
        try checkReach(
            instead: "ask the service itself: POST /revocations at its operations listener, or restart it")
        try check(cohort)
        let now = time.now()
        try await attempt(remedy: Self.again) { () async throws(Failure) in
            try await sessions.revocations.revoke(cohort, issuedBefore: moment)
        }
        let sentence =
            cohort.kind == .keyID && moment == nil
            ? "The key is compromised: it signs no more, and its tokens are dead"
            : "\(cohort.sentence) issued until \(min(moment ?? now, now).shortText) are over"
        return "\(sentence); every replica knows within \(RevocationList.promise.components.seconds) seconds."
    }

    /// Ends what a compromised key has signed, and has every replica drop the key, also one whose key directory is not shared.
    package func revoke(keyID: ExactText) async throws(StartUpError) {
        guard canReachSessions, let cohort = Cohort(.keyID, keyID) else { return }
        try await attempt(remedy: Self.again) { () async throws(Failure) in
            try await sessions.revocations.revoke(cohort)
        }
    }

    /// What stands behind an external identity: a line for each fact, none of them the token. The store alone says so: our
    /// keys are not asked.
    package func show(_ externalIdentity: ExternalIdentity) async throws(StartUpError) -> String {
        try checkReach(instead: "ask the service itself: GET /session or POST /introspect")
        let introspect = IntrospectSession(configuration, sessions: sessions, keys: nil, time: time)
        let status = try await attempt(remedy: "Mend the store and ask again.") { () async throws(Failure) in
            do throws(SessionStoreFailure) { try await sessions.revocations.read() } catch { throw Failure(error) }
            return try await introspect(externalIdentity)
        }
        guard let session = status.session?.record else {
            return "inactive: unknown, expired, revoked, or none of ours"
        }
        let facts = [
            ("identity provider", "\(session.identityProvider)"), ("tenant", "\(session.tenant)"),
            ("subject", "\(session.subject)"),
            ("device", session.devices.isEmpty ? "not named" : "named"), ("issued", session.issuedAt.shortText),
            ("expires", session.expiry.shortText), ("token id", "\(session.tokenID)"),
        ]
        return (["active"] + facts.map { "\($0): \($1)" }).joined(separator: "\n")
    }
}

extension SessionCommands {
    private static let again = "It may not be recorded: mend the store and run this again."

    private func attempt<Result: Sendable>(
        remedy: String, _ work: () async throws(Failure) -> Result
    ) async throws(StartUpError) -> Result {
        do { return try await sessions.connected(work) } catch {
            let cause = (error as? Failure)?.cause ?? "\(error)"
            throw StartUpError(["session store: \(cause)\(cause.hasSuffix(".") ? "" : ".") \(remedy)"])
        }
    }

    private func checkReach(instead remedy: String) throws(StartUpError) {
        guard !canReachSessions else { return }
        throw StartUpError(["sessions are in the memory of the running service (`sessions.store: memory`); \(remedy)"])
    }

    private func check(_ cohort: Cohort) throws(StartUpError) {
        guard let names = configuration.names(of: cohort.kind), !names.contains(cohort.value) else { return }
        throw StartUpError([
            "expected a name of the configuration (\(names.map(\.description).joined(separator: ", "))), found another. Nothing was done."
        ])
    }
}

extension Configuration {
    /// Those that a cohort of this kind can have; nil: any.
    fileprivate func names(of kind: Cohort.Kind) -> [ExactText]? {
        switch kind {
        case .tenant: tenants.map(\.name)
        case .identityProvider: identityProviders.map(\.name)
        case .subject, .device, .keyID, .all: nil
        }
    }

    /// Whether there can be such a cohort.
    func allows(_ cohort: Cohort) -> Bool { names(of: cohort.kind)?.contains(cohort.value) ?? true }
}

extension Cohort {
    /// Without the value, which may be a claim.
    fileprivate var sentence: String {
        switch kind {
        case .subject: "Sessions of this subject"
        case .device: "Sessions of this device"
        case .tenant: "Sessions of this tenant"
        case .identityProvider: "Sessions of this identity provider"
        case .keyID: "Sessions whose tokens this key has signed"
        case .all: "All sessions"
        }
    }
}
