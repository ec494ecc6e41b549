package import TokenExchange

/// One command. Sending it twice has the same effect as sending it once, so it is sent again if its connection ends before
/// the reply has come.
package struct RedisCommand: Sendable {
    /// A command's name, with what precedes the arguments of this one call.
    package enum Opening: Sendable {
        case words(RESPArguments)
        /// `EVALSHA` and the digest that the server gave the script when the connection was opened.
        case loadedScript
    }

    /// What a reply may be that is no error. Anything else means that replies and commands no longer match.
    package struct ReplyShape: OptionSet, Sendable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let status = ReplyShape(rawValue: 1)
        package static let integer = ReplyShape(rawValue: 2)
        package static let bulk = ReplyShape(rawValue: 4)
        package static let null = ReplyShape(rawValue: 8)
        package static let array = ReplyShape(rawValue: 16)
        /// An array of two bulks; a damaged count would swallow the next reply, or leave one over.
        package static let pair = ReplyShape(rawValue: 32)

        /// An error or a redirection fits every shape.
        package func fits(_ reply: RESPReply) -> Bool {
            switch reply {
            case .error, .redirection: true
            case .status: contains(.status)
            case .integer: contains(.integer)
            case .bulk: contains(.bulk)
            case .null: contains(.null)
            case .array(let parts): contains(.array) || contains(.pair) && Self.isPair(parts)
            }
        }

        private static func isPair(_ parts: [RESPReply]) -> Bool {
            if parts.count == 2, case .bulk = parts[0], case .bulk = parts[1] { true } else { false }
        }
    }

    /// Its name, or the script.
    package var opening: Opening
    package let arguments: RESPArguments
    package let reply: ReplyShape
    /// Which server of a cluster it is for; nil if any will do.
    package var slot: ClusterSlot?
    /// Whether it writes each time that it is sent. `WAIT` counts the replicas that have the last write of its own
    /// connection, so after a command that has found nothing to write it says nothing about an earlier one's write.
    package var alwaysWrites = false

    /// `reply` is what may come back, errors apart.
    package init(opening: Opening, arguments: RESPArguments, reply: ReplyShape, slot: ClusterSlot? = nil) {
        self.opening = opening
        self.arguments = arguments
        self.reply = reply
        self.slot = slot
    }
}

/// How a command ended.
package enum RedisOutcome: Sendable, Equatable {
    case reply(RESPReply)
    /// Its connection ended before a reply came, so the server may or may not have executed it.
    case lost(ConnectionFault)
    case failure(SessionStoreFailure.Cause)
}

/// Of a command, and of one that came after it; the second is nil if there was none, or neither was sent.
typealias RedisOutcomes = (first: RedisOutcome, second: RedisOutcome?)

extension RedisOutcome {
    /// Whether the server answered with this error.
    func isError(_ code: String) -> Bool {
        if case .reply(.error(code)) = self { true } else { false }
    }

    /// Nobody can have executed the command.
    static func notConnected(_ fault: ConnectionFault) -> RedisOutcome {
        .failure(.notConnected(detail: fault.detail))
    }
}
