package enum SessionStatus: Sendable, Equatable {
    case active(LiveSession)
    /// Good by its signature; whether it was revoked cannot be told now.
    case unconfirmed(LiveSession)
    /// Unknown, expired, revoked, or none of ours.
    case inactive

    package var session: LiveSession? {
        switch self {
        case .active(let session), .unconfirmed(let session): session
        case .inactive: nil
        }
    }
}
