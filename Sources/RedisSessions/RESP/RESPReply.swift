/// One reply of the server (RESP2).
package enum RESPReply: Sendable, Equatable {
    case status(String)
    /// The first word of the server's error alone, or a sentence that we know: anything else may quote a command's
    /// arguments.
    case error(code: String)
    /// Another server of the cluster has the slot.
    case redirection(ClusterRedirection)
    case integer(Int64)
    case bulk([UInt8])
    case null
    case array([RESPReply])
}

extension RESPReply {
    /// Whether the server refused the command.
    var isRefusal: Bool {
        switch self {
        case .error, .redirection: true
        default: false
        }
    }

    /// Keeps of a server's error what may be logged.
    init(error text: String) {
        self = ClusterRedirection(text).map(RESPReply.redirection) ?? .error(code: Self.code(of: text))
    }

    private static func code(of text: String) -> String {
        if scriptRefusals.contains(where: { text.utf8.starts(with: $0.utf8) }) { return "NOPERM" }
        if let sentence = sentences.first(where: { text.utf8.starts(with: $0.utf8) }) { return sentence }
        let word = text.utf8.prefix { $0 != UInt8(ascii: " ") }
        guard (1...32).contains(word.count), word.allSatisfy(isWordByte) else { return "ERR" }
        return String(decoding: word, as: UTF8.self)
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// What a script may not do is no `NOPERM` by its first word; Redis 7.0, and later ones.
    private static let scriptRefusals = ["ERR The user executing the script", "ERR ACL failure in script"]

    private static let sentences = [
        "ERR max number of clients reached", "ERR DB index is out of range",
        "ERR SELECT is not allowed in cluster mode",
        "ERR This instance has cluster support disabled", "ERR unknown command", "ERR No such master with that name",
    ]
}

/// Bytes that are not RESP, or more of them than any reply that we expect; their connection must be closed.
package struct RESPProtocolError: Error, Equatable {}
