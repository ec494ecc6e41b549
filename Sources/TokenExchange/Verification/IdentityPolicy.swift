/// Rules that a genuine token must pass, with their check. A new one is a file with a type, and its name in
/// ``VerifyIdentityToken/policies``.
protocol IdentityPolicy: Sendable {
    /// In the order in which ``refusal(of:for:at:)`` looks.
    static var rules: [VerificationRule] { get }

    /// Why `identity` does not pass at `now`; nil if it does.
    static func refusal(of identity: VerifiedIdentity, for provider: IdentityProvider, at now: UnixTime) -> Refusal?
}
