import TokenExchange

/// What an operation of the store makes of a command's outcome.
extension RedisSessionStore {
    /// The reply, or the failure that callers of the store know. Counts either.
    func reply(_ outcome: RedisOutcome, to operation: SessionStoreFailure.Operation)
        throws(SessionStoreFailure) -> RESPReply
    {
        traffic.count(operation)
        let cause: SessionStoreFailure.Cause
        switch outcome {
        case .reply(.error(let code)): cause = .refused(code: code)
        case .reply(.redirection(let redirection)): cause = .refused(code: redirection.kind.rawValue)
        case .reply(let reply): return reply
        case .lost(let fault): cause = .notConnected(detail: fault.detail)
        case .failure(let failure): cause = failure
        }
        let failure = SessionStoreFailure(operation, cause)
        traffic.count(failure)
        throw failure
    }

    /// A reply that holds a record. Something else than a string under its name counts as a record that cannot be read.
    func record(_ outcome: RedisOutcome, to operation: SessionStoreFailure.Operation)
        throws(SessionStoreFailure) -> RESPReply
    {
        try reply(outcome.isError("WRONGTYPE") ? .reply(.bulk(Self.foreign)) : outcome, to: operation)
    }
}
