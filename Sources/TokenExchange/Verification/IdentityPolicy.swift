/// Rules that a genuine token must pass, with their check. To add a policy, write a type in a new file and list it in
/// ``VerifyIdentityToken/policies``.
protocol IdentityPolicy: Sendable {
    /// In the order in which ``refusal(of:for:at:)`` checks them.
    static var rules: [VerificationRule] { get }

    /// Why `identity` does not pass at `now`; nil if it does.
    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal?
}
