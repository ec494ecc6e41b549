import TokenExchange

/// A command of ours. Each leaves at most one change behind however often it is sent.
struct RedisCommand: Sendable {
    /// A command's name, with what precedes the arguments of this one call.
    enum Opening: Sendable {
        case words(RESPArguments)
        /// `EVALSHA` and the digest that the server gave the script when the connection was opened.
        case loadedScript
    }

    /// What a reply may be that is no error. Anything else means that replies and commands no longer match.
    struct ReplyShape: OptionSet, Sendable {
        let rawValue: UInt8

        static let status = ReplyShape(rawValue: 1)
        static let integer = ReplyShape(rawValue: 2)
        static let bulk = ReplyShape(rawValue: 4)
        static let null = ReplyShape(rawValue: 8)
        static let array = ReplyShape(rawValue: 16)

        func fits(_ reply: RESPReply) -> Bool {
            switch reply {
            case .error, .redirection: true
            case .status: contains(.status)
            case .integer: contains(.integer)
            case .bulk: contains(.bulk)
            case .null: contains(.null)
            case .array: contains(.array)
            }
        }
    }

    var opening: Opening
    let arguments: RESPArguments
    let reply: ReplyShape
    /// Which server of a cluster it is for; nil where any will do.
    var slot: ClusterSlot?
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
