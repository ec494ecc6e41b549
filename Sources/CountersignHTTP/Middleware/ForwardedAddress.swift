import HTTPTypes
import TokenExchange

/// The address of the client, as trusted proxies report it.
///
/// Each proxy appends the address of its peer. So the client is the rightmost address that is not a trusted proxy.
/// Everything to the left of it was written by the client and is not read.
///
/// `X-Forwarded-For` is used if there is one, else `Forwarded` (RFC 7239): most proxies write the former, and pass on a
/// `Forwarded` that the client has written. At an entry that is not an address (`unknown`, a name, anything else), and
/// after ``hopLimit`` proxies, the last address before it is used, which is a proxy's.
enum ForwardedAddress {
    /// How many entries are looked at; far more than there are proxies in a row.
    static let hopLimit = 32

    /// Whether anybody has reported a client's address, whoever it was.
    static func isReported(in headers: RequestFields) -> Bool {
        headers[.xForwardedFor] != nil || headers[.forwarded] != nil
    }

    /// - Parameter peer: a trusted proxy.
    static func client(behind peer: IPAddress, by headers: RequestFields, trusting proxies: IPNetworkSet) -> IPAddress {
        let xForwardedFor = headers[.xForwardedFor]
        guard let list = xForwardedFor ?? headers[.forwarded] else { return peer }
        var client = peer
        for entry in EntriesFromTheEnd(of: list).prefix(hopLimit) where !entry.isEmpty {
            guard let node = xForwardedFor == nil ? forwardedNode(entry) : entry, let address = address(node) else {
                break
            }
            client = address
            guard proxies.contains(address) else { break }
        }
        return client
    }

    /// The value of `for` in an element of `Forwarded` (RFC 7239 §4), without quotes; nil unless there is exactly one.
    /// An element with a backslash, which no address needs, is not read.
    private static func forwardedNode(_ element: Substring.UTF8View) -> Substring.UTF8View? {
        guard !element.contains(UInt8(ascii: "\\")) else { return nil }
        var isQuoted = false
        let pairs = element.split(omittingEmptySubsequences: true) { byte in
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            return byte == UInt8(ascii: ";") && !isQuoted
        }
        let nodes = pairs.compactMap { pair -> Substring.UTF8View? in
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1)
            let isFor = parts.count == 2 && ASCII.isEqual(parts[0].withoutBlanks, lowercased: "for".utf8)
            return isFor ? parts[1].withoutBlanks : nil
        }
        guard nodes.count == 1, let node = nodes.first else { return nil }
        guard node.first == UInt8(ascii: "\"") else { return node }
        return node.count > 1 && node.last == UInt8(ascii: "\"") ? node.dropFirst().dropLast() : nil
    }

    /// The address in what RFC 7239 §6 calls a node, without port, brackets and zone.
    private static func address(_ node: Substring.UTF8View) -> IPAddress? {
        let brackets = node.first == UInt8(ascii: "[") ? node.firstIndex(of: UInt8(ascii: "]")) : nil
        if let end = brackets {
            let rest = node[end...].dropFirst()
            return rest.isEmpty || isPort(rest) ? bareAddress(node[..<end].dropFirst()) : nil
        }
        if let address = bareAddress(node) { return address }
        guard let colon = node.lastIndex(of: UInt8(ascii: ":")), isPort(node[colon...]) else { return nil }
        return bareAddress(node[..<colon])
    }

    private static func bareAddress(_ text: Substring.UTF8View) -> IPAddress? {
        IPAddress(text.prefix { $0 != UInt8(ascii: "%") })
    }

    /// A colon, and then digits or an obfuscated port.
    private static func isPort(_ text: Substring.UTF8View) -> Bool {
        let port = text.dropFirst()
        guard text.first == UInt8(ascii: ":"), let first = port.first else { return false }
        return first == UInt8(ascii: "_") || port.count <= 5 && port.allSatisfy(ASCII.isDigit)
    }
}

/// The elements of a list (RFC 9110 §5.6.1) from the last to the first, without blanks around them. A comma within
/// quotes does not separate elements.
private struct EntriesFromTheEnd: Sequence, IteratorProtocol {
    /// Nil once the first element has been returned.
    private var rest: Substring.UTF8View?

    init(of list: String) {
        rest = list[...].utf8
    }

    mutating func next() -> Substring.UTF8View? {
        guard let list = rest else { return nil }
        var isQuoted = false
        let comma = list.indices.last { position in
            if list[position] == UInt8(ascii: "\"") { isQuoted.toggle() }
            return list[position] == UInt8(ascii: ",") && !isQuoted
        }
        rest = comma.map { list[..<$0] }
        return (comma.map { list[$0...].dropFirst() } ?? list).withoutBlanks
    }
}

extension Substring.UTF8View {
    fileprivate var withoutBlanks: Self {
        guard let last = lastIndex(where: { !ASCII.isBlank($0) }) else { return suffix(0) }
        return self[...last].drop(while: ASCII.isBlank)
    }
}

extension HTTPField.Name {
    static let forwarded = HTTPField.Name("Forwarded")!
    static let xForwardedFor = HTTPField.Name("X-Forwarded-For")!
}
