/// The answer of ``IntrospectSession``.
package indirect enum SessionStatus: Sendable, Equatable {
    case active(LiveSession)
    /// The signature is good, but whether it was revoked is unknown while the store is down.
    case unconfirmed(LiveSession)
    /// Unknown, expired, revoked, or not one of our tokens.
    case inactive

    /// Nil if inactive.
    package var session: LiveSession? {
        switch self {
        case .active(let session), .unconfirmed(let session): session
        case .inactive: nil
        }
    }
}
