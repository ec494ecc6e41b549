package import TokenExchange

/// What a request for a revocation has ended, for those who report it.
package indirect enum EndedSessions: Sendable, Redacted {
    /// The session of one token; nil if the token was unknown, or not the verifier's to end.
    case one(SessionRecord?, of: ExternalIdentity)
    case cohort(RevokedCohort)
}
