/// Keeps which cohorts are revoked: one watermark each, however many sessions there are.
package protocol RevocationStore: Sendable {
    /// Adds a watermark, by the rules of ``RevocationTable``; of two for the same cohort, the later counts.
    func add(_ revocation: Revocation, within budget: Duration) async throws(SessionStoreFailure)

    /// All watermarks; nil if they are still those of `version`.
    func revocations(
        unless version: ExactText?, within budget: Duration
    ) async throws(SessionStoreFailure) -> StoredRevocations?

    /// Throws if a revocation could not be added now, whether or not they can be read.
    func checkRevocations(within budget: Duration) async throws(SessionStoreFailure)
}

/// Ends every session of a cohort that was issued at ``issuedBefore`` or earlier.
package struct Revocation: Sendable, Equatable {
    package let cohort: CohortLabel
    /// To the millisecond; this moment is included.
    package let issuedBefore: UnixTime
    /// When the last of these sessions would have expired by itself.
    package let endsAt: UnixTime

    package init(cohort: CohortLabel, issuedBefore: UnixTime, endsAt: UnixTime) {
        self.cohort = cohort
        self.issuedBefore = issuedBefore
        self.endsAt = endsAt
    }
}

extension Revocation {
    /// In effect for ever: stores keep nothing for longer.
    static let longestLife: Duration = .seconds(10 * 365 * 86400)

    /// For a compromised key: all it signs is revoked, however late.
    init(compromised key: CohortLabel, at now: UnixTime) {
        let end = now.advanced(by: Self.longestLife)
        self.init(cohort: key, issuedBefore: end, endsAt: end)
    }

    /// For a compromised key ``issuedBefore`` is ``endsAt``; a revocation of sessions ends a session's longest life
    /// later.
    package var isCompromisedKey: Bool { cohort.kind == .keyID && issuedBefore >= endsAt }
}

/// The list of revocations, as the store has it.
package struct StoredRevocations: Sendable, Equatable {
    /// Differs whenever the revocations do; has no other meaning.
    package let version: ExactText
    package let revocations: [Revocation]
    /// How many other entries were left out because they are not revocations.
    package let unreadable: Int

    package init(version: ExactText, revocations: [Revocation], unreadable: Int = 0) {
        self.version = version
        self.revocations = revocations
        self.unreadable = unreadable
    }
}
