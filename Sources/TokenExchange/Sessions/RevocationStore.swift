/// Keeps which cohorts are revoked: a watermark each, however many sessions there are.
package protocol RevocationStore: Sendable {
    /// Adds a watermark, by the rules of ``RevocationTable``; of two for one cohort the later counts.
    func add(_ revocation: Revocation, within budget: Duration) async throws(SessionStoreFailure)

    /// All watermarks; nil if they are still those of `version`.
    func revocations(
        unless version: ExactText?, within budget: Duration
    ) async throws(SessionStoreFailure) -> StoredRevocations?

    /// Throws if a revocation could not be added now, whether or not they can be read.
    func checkRevocations(within budget: Duration) async throws(SessionStoreFailure)
}

/// Ends every session of a cohort that was issued at a moment or before it.
package struct Revocation: Sendable, Equatable {
    package let cohort: CohortLabel
    /// To the millisecond.
    package let issuedBefore: UnixTime
    /// When the last of these sessions is over by itself.
    package let endsAt: UnixTime

    package init(cohort: CohortLabel, issuedBefore: UnixTime, endsAt: UnixTime) {
        self.cohort = cohort
        self.issuedBefore = issuedBefore
        self.endsAt = endsAt
    }
}

extension Revocation {
    /// As good as for ever: stores keep nothing for longer.
    static let longestLife: Duration = .seconds(10 * 365 * 86400)

    /// Of a compromised key: whatever it signs is revoked, however late.
    init(compromised key: CohortLabel, at now: UnixTime) {
        self.init(cohort: key, issuedBefore: now + Self.longestLife, endsAt: now + Self.longestLife)
    }

    /// For a compromised key ``issuedBefore`` is ``endsAt``; a revocation of sessions ends a session's longest life later.
    package var isCompromisedKey: Bool { cohort.kind == .keyID && issuedBefore >= endsAt }
}

package struct StoredRevocations: Sendable, Equatable {
    /// Differs whenever the revocations do; says nothing else.
    package let version: ExactText
    package let revocations: [Revocation]
    /// How much else was there that is no revocation, and was left out.
    package let unreadable: Int

    package init(version: ExactText, revocations: [Revocation], unreadable: Int = 0) {
        self.version = version
        self.revocations = revocations
        self.unreadable = unreadable
    }
}
