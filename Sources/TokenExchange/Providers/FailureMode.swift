/// What our own failures do to the login. A bad token is refused in both modes.
package enum FailureMode: String, Sendable, CaseIterable {
    /// Our failure fails the login; a token is answered only when its session is stored.
    case strict
    /// Our failure does not fail the login: it is answered without an external identity.
    case optional
}
