import TokenExchange

/// A command of ours. Each leaves at most one change behind however often it is sent.
struct RedisCommand: Sendable {
    /// A command's name, with what precedes the arguments of this one call.
    enum Opening: Sendable {
        case words(RESPArguments)
        /// `EVALSHA` and the digest that the server gave the script when the connection was opened.
        case loadedScript
    }

    let opening: Opening
    let arguments: RESPArguments
}

/// How a command ended.
enum RedisOutcome: Sendable, Equatable {
    case reply(RESPReply)
    case failure(SessionStoreFailure.Cause)
}

extension RedisOutcome {
    static func notConnected(_ fault: ConnectionFault) -> RedisOutcome {
        .failure(.notConnected(detail: fault.detail))
    }
}
