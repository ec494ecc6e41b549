/// What Redis answered, as it stood on the wire.
package enum RawReply: Equatable, Sendable {
    case status(String)
    case error(String)
    case integer(Int)
    case bulk([UInt8])
    case null
    case array([RawReply])
}

/// A tiny synchronous client that shares no code with the adapter under test: tests look at the server through it.
package final class RawRedisConnection: Sendable {
    private let socket: LoopbackSocket

    package init(port: Int, password: String? = nil) throws {
        socket = try LoopbackSocket()
        try socket.connect(port: port)
        if let password { try send("AUTH", password) }
    }

    @discardableResult
    package func send(_ words: String...) throws -> RawReply {
        try send(words.map { Array($0.utf8) })
    }

    package func send(_ words: [[UInt8]]) throws -> RawReply {
        var bytes = Array("*\(words.count)\r\n".utf8)
        for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
        try socket.write(bytes)
        return try readReply()
    }

    private func readReply() throws -> RawReply {
        let line = try readLine()
        let text = String(line.dropFirst())
        switch line.first {
        case "+": return .status(text)
        case "-": return .error(text)
        case ":": return .integer(Int(text) ?? 0)
        case "$":
            guard let count = Int(text), count >= 0 else { return .null }
            let bytes = try (0..<count + 2).map { _ in try socket.readByte() }
            return .bulk(bytes.dropLast(2))
        case "*":
            guard let count = Int(text), count >= 0 else { return .null }
            return .array(try (0..<count).map { _ in try readReply() })
        default: throw ProgramFailure(description: "no RESP: \(line)")
        }
    }

    private func readLine() throws -> String {
        var bytes = [UInt8]()
        while true {
            let byte = try socket.readByte()
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes.dropLast(), as: UTF8.self) }
            bytes.append(byte)
        }
    }
}

extension RawRedisConnection {
    /// All keys, sorted.
    package func keys() throws -> [String] {
        guard case .array(let keys) = try send("KEYS", "*") else { return [] }
        return keys.compactMap { key -> String? in
            guard case .bulk(let bytes) = key else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }.sorted()
    }

    /// Seconds; -1 where the key has no end, -2 where there is no key.
    package func timeToLive(_ key: String) throws -> Int {
        guard case .integer(let seconds) = try send("TTL", key) else { return -3 }
        return seconds
    }

    /// Milliseconds, otherwise as ``timeToLive(_:)``.
    package func life(_ key: String) throws -> Int {
        guard case .integer(let milliseconds) = try send("PTTL", key) else { return -3 }
        return milliseconds
    }

    package func value(_ key: String) throws -> [UInt8]? {
        guard case .bulk(let bytes) = try send("GET", key) else { return nil }
        return bytes
    }
}
