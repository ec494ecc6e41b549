/// What our own failures do to the login. A bad token is refused in both modes.
package enum FailureMode: String, Sendable, CaseIterable {
    /// Our failure fails the login; a token is answered only when its session is stored.
    case strict
    /// The login never suffers: an answer without an external identity takes the place of our failure.
    case optional
}
