/// The state of one tenant's keys, for probes and metrics.
package struct IssuerKeyStatus: Sendable, Equatable {
    /// Of the set that is in use; nil if none may be used.
    package let age: Duration?
    /// Why the latest fetch failed; nil if it succeeded, or if none has ended yet.
    package let lastError: String?
    package let keys: Int
    /// Keys of the set that are not used.
    package let skipped: Int
    /// How long ago the latest fetch ended; nil if none has.
    package let sinceLastAttempt: Duration?
    /// When the set is fetched again, if nobody asks for a key before; zero if that is due.
    package let untilNextFetch: Duration
    /// Fetches begun, for whatever reason.
    package let fetches: Int
    /// Of those, how many failed, or brought a set without a usable key.
    package let failures: Int
    /// Unknown `kid`s and bad signatures that might have caused a fetch, and were not allowed to.
    package let refusedRefetches: Int

    /// Whether tokens of this tenant can be verified now.
    package var isUsable: Bool { age != nil }
}
