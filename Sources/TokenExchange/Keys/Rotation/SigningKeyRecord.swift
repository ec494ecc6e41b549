/// What is known of one signing key: its state, and the times that its next state has to wait for. No key material.
package struct SigningKeyRecord: Sendable, Equatable {
    /// Where a key is in its life.
    package enum State: String, Sendable, CaseIterable {
        /// In the JWK set, not signing: verifiers get to know it.
        case published
        /// Signs; one for each algorithm.
        case active
        /// Signs no longer; in the JWK set while its tokens live.
        case retiring
        /// Out of everything at once; its tokens are dead.
        case revoked
        /// Out of the JWK set before its tokens were dead, by force.
        case withdrawn
    }

    /// RFC 7638 thumbprint.
    package let keyID: ExactText
    package let algorithm: SignatureAlgorithm
    /// Changed by the manifest's steps alone.
    package internal(set) var state: State
    /// When ``state`` was entered.
    package internal(set) var since: UnixTime
    /// From here on no verifier can hold a JWK set without this key, if it honours `max-age`.
    package internal(set) var maySignFrom: UnixTime
    /// An operator had it sign before ``maySignFrom``, knowing what that breaks.
    package internal(set) var isForced: Bool
    /// The end of the last token that it can have signed; nil while it may sign yet.
    package internal(set) var tokensDieBy: UnixTime?

    package init(
        keyID: ExactText, algorithm: SignatureAlgorithm, state: State, since: UnixTime, maySignFrom: UnixTime,
        isForced: Bool = false, tokensDieBy: UnixTime? = nil
    ) {
        self.keyID = keyID
        self.algorithm = algorithm
        self.state = state
        self.since = since
        self.maySignFrom = maySignFrom
        self.isForced = isForced
        self.tokensDieBy = tokensDieBy
    }

    /// Out for good, on purpose.
    package var isWithdrawnOrRevoked: Bool { state == .revoked || state == .withdrawn }

    /// Whether the last of its tokens is dead.
    package func isExpired(at now: UnixTime) -> Bool { state == .retiring && tokensDieBy.map { $0 <= now } ?? false }
}
