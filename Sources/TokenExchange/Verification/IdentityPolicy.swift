/// One rule that a genuine token must pass. Rules run in a fixed order; the first refusal is the answer.
package protocol IdentityPolicy: Sendable {
    /// Why `identity` does not pass at `now`; nil if it does.
    func refusal(of identity: VerifiedIdentity, at now: UnixTime) -> Refusal?
}
