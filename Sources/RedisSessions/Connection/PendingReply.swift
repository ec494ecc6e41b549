import NIOCore

/// The caller of one command, suspended until ``finish(_:)``; must be finished exactly once.
///
/// An unsafe continuation, of a result that cannot throw: the state machine's tests hold that every caller is finished
/// once, and a checked one would allocate a box and take a lock for each command to find that out again.
@safe struct PendingReply: Sendable {
    private let continuation: UnsafeContinuation<RedisOutcome, Never>
    /// When the caller's own budget is spent.
    let end: NIODeadline

    init(_ continuation: UnsafeContinuation<RedisOutcome, Never>, end: NIODeadline) {
        unsafe self.continuation = continuation
        self.end = end
    }

    func finish(_ outcome: RedisOutcome) {
        unsafe continuation.resume(returning: outcome)
    }
}
