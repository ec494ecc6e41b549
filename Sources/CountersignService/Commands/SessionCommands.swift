import JOSE
package import Logging
package import ServiceConfiguration
package import TokenExchange

/// What the commands `countersign sessions …` do, with the store that they share with the service.
package struct SessionCommands: Sendable {
    private let configuration: Configuration
    private let sessions: SessionAssembly
    private let audit: CommandAudit?
    private let time: TimeSource
    let logger: Logger

    /// Connects to nothing.
    /// - Parameter logger: is told of many sessions that are ended at once.
    package init(_ configuration: Configuration, time: TimeSource, logger: Logger) {
        self.configuration = configuration
        self.time = time
        self.logger = logger
        audit = CommandAudit(configuration, time: time)
        sessions = SessionAssembly(configuration, time: time, logger: .silent)
    }

    /// Whether a command can reach the sessions: not those in the service's memory.
    package var canReachSessions: Bool { sessions.isShared }

    /// Ends the sessions of a cohort on all replicas.
    /// - Parameter moment: only the sessions issued until then; nil for now.
    /// - Returns: the sentence that the command prints.
    package func revoke(_ cohort: Cohort, issuedBefore moment: UnixTime?) async throws -> String {
        try checkReach(
            instead: "use the service itself: POST /revocations at its operations listener, or restart it")
        try check(cohort)
        let revoked = try await attempt(remedy: Self.again) {
            try await sessions.revocations.revoke(cohort, issuedBefore: moment)
        }
        logger.tell(revoked, by: "command")
        try audit?.record(revoked, by: .sessionsRevoke)
        let sentence =
            revoked.issuedBefore.map { "\(cohort.sentence) issued until \($0.shortText) are over" }
            ?? "The key is compromised: it no longer signs, and its tokens are no longer good"
        return "\(sentence); every replica knows within \(RevocationList.promise.components.seconds) seconds."
    }

    /// Ends the sessions of tokens that a compromised key has signed, and makes every replica drop the key, also
    /// replicas with another key directory. Does nothing if the sessions cannot be reached.
    package func revoke(keyID: ExactText) async throws {
        guard canReachSessions, let cohort = Cohort(.keyID, keyID) else { return }
        let revoked = try await attempt(remedy: Self.again) { try await sessions.revocations.revoke(cohort) }
        try audit?.record(revoked, by: .keysRevoke)
    }

    /// The session of an external identity: a line for each fact, never the token. Asks only the store; our keys are
    /// not read.
    package func show(_ externalIdentity: ExternalIdentity) async throws -> String {
        try checkReach(instead: "use the service itself: GET /session or POST /introspect")
        let introspect = IntrospectSession(configuration, sessions: sessions, keys: nil, time: time)
        let status = try await attempt(remedy: "Repair the store and try again.") {
            try await sessions.revocations.read()
            return try await introspect(externalIdentity)
        }
        guard let session = status.session?.record else {
            return "inactive: unknown, expired, revoked, or not one of our tokens"
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
    private static let again = "It may not have been recorded: repair the store and run this again."

    private func attempt<Result: Sendable>(
        remedy: String, _ work: () async throws -> Result
    ) async throws -> Result {
        do { return try await sessions.connected(work) } catch {
            let failure = error as? Failure ?? (error as? SessionStoreFailure).map(Failure.init)
            let cause = failure?.cause ?? "\(error)"
            throw StartUpError(["session store: \(cause)\(cause.hasSuffix(".") ? "" : ".") \(remedy)"])
        }
    }

    private func checkReach(instead remedy: String) throws {
        guard !canReachSessions else { return }
        throw StartUpError(["sessions are in the memory of the running service (`sessions.store: memory`); \(remedy)"])
    }

    private func check(_ cohort: Cohort) throws {
        guard let names = configuration.names(of: cohort.kind), !names.contains(cohort.value) else { return }
        throw StartUpError([
            "expected a name from the configuration (\(names.map(\.description).joined(separator: ", "))), found another. Nothing was done."
        ])
    }
}

extension Configuration {
    /// The names that a cohort of this kind may have; nil for any.
    fileprivate func names(of kind: Cohort.Kind) -> [ExactText]? {
        switch kind {
        case .tenant: tenants.map(\.name)
        case .identityProvider: identityProviders.map(\.name)
        case .subject, .device, .keyID, .all: nil
        }
    }

    /// Whether the configuration has the tenant or identity provider that a cohort names; true for cohorts that name
    /// neither.
    func allows(_ cohort: Cohort) -> Bool { names(of: cohort.kind)?.contains(cohort.value) ?? true }
}

extension Cohort {
    /// Names the cohort without its value, which may be a claim.
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
