/// What our own failures do to the login. A bad token is refused in both modes.
package enum FailureMode: String, Sendable, CaseIterable {
    /// Our failure fails the login; a token is answered only when its session is stored.
    case strict
    /// The login goes on: if something of ours fails, the answer has no external identity.
    case optional
}
