/// One reply of the server (RESP2).
package enum RESPReply: Sendable, Equatable {
    case status(String)
    /// The first word of the server's error alone: what follows it may quote a command's arguments.
    case error(code: String)
    /// Another server of the cluster has the slot.
    case redirection(ClusterRedirection)
    case integer(Int64)
    case bulk([UInt8])
    case null
    case array([RESPReply])
}

extension RESPReply {
    init(error text: String) {
        self =
            ClusterRedirection(text).map(RESPReply.redirection) ?? .error(code: String(text.prefix { $0 != " " }))
    }
}

/// Bytes that are not RESP, or more of them than any reply of ours takes; the connection that sent them is of no more use.
package struct RESPProtocolError: Error, Equatable {}
