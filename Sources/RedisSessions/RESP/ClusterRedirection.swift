/// `MOVED 3999 127.0.0.1:6381`: the slot is that server's for good; `ASK 3999 127.0.0.1:6381`: this once.
package struct ClusterRedirection: Sendable, Equatable {
    /// For how long the slot has moved.
    package enum Kind: String, Sendable {
        case moved = "MOVED"
        case ask = "ASK"
    }

    package let kind: Kind
    package let slot: ClusterSlot
    /// Nil if the server leaves its host out, which means: the same as its own.
    package let host: String?
    package let port: Int

    /// Nil if the text is no redirection.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 3, let kind = Kind(rawValue: String(words[0])),
            let slot = UInt16(words[1]).flatMap(ClusterSlot.init(number:)),
            let colon = words[2].lastIndex(of: ":"), let port = UInt16(words[2][colon...].dropFirst()), port > 0
        else { return nil }
        let host = String(words[2][..<colon])
        self.kind = kind
        self.slot = slot
        self.host = host.isEmpty || host == "?" ? nil : host
        self.port = Int(port)
    }

    /// Nil if no server can have such an address.
    /// - Parameter server: the one that redirects.
    func target(from server: RedisAddress) -> RedisAddress? {
        RedisAddress(toldHost: host ?? server.host, port: Int64(port))
    }
}
