import HTTPTypes
import TokenExchange

/// The path and the host of a request: the rules of RFC 9112 §3.2 and RFC 3986 for targets and `Host`.
enum RequestTarget {
    /// Finds path and authority in a request target.
    ///
    /// - Returns: the path without its query, empty if there is none; and the authority if the target has the absolute
    ///   form, which then replaces `Host` (RFC 9112 §3.2.2). `CONNECT` is for proxies and is refused.
    static func split(
        _ target: Slice<UnsafeRawBufferPointer>, method: HTTPRequest.Method
    ) throws(HTTPFault) -> (path: Range<Int>, authority: Range<Int>?) {
        guard method != .connect, let first = target.first else { throw .targetMalformed }
        let pathEnd = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        if first == UInt8(ascii: "/") { return (target.startIndex..<pathEnd, nil) }
        if first == UInt8(ascii: "*"), target.count == 1, method == .options {
            return (target.startIndex..<target.endIndex, nil)
        }
        for scheme in ["http://", "https://"]
        where ASCII.isEqual(target.prefix(scheme.utf8.count), lowercased: scheme.utf8) {
            let start = target.startIndex + scheme.utf8.count
            let end = target[start..<pathEnd].firstIndex(of: UInt8(ascii: "/")) ?? pathEnd
            return (end..<pathEnd, start..<end)
        }
        throw .targetMalformed
    }

    /// The path as text, with percent-encoded unreserved characters decoded; `/` if it is empty.
    static func path(_ bytes: Slice<UnsafeRawBufferPointer>) -> ExactText {
        guard !bytes.isEmpty else { return "/" }
        return ExactText(bytes: decodingUnreserved(bytes))
    }

    /// The host in `authority` (RFC 3986 §3.2.2, RFC 9110 §7.2): ASCII in lower case, without port and trailing dot. It
    /// must not be empty, nor have a user before it.
    static func host(_ authority: Slice<UnsafeRawBufferPointer>) throws(HTTPFault) -> ExactText {
        let isLiteral = authority.first == UInt8(ascii: "[")
        let searched = isLiteral ? authority.drop { $0 != UInt8(ascii: "]") } : authority
        let end = searched.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
        let name = authority[authority.startIndex..<end]
        guard isLiteral ? isAddress(name) : isRegisteredName(name), isPort(authority[end...].dropFirst()) else {
            throw .hostMalformed
        }
        var host = decodingUnreserved(name)
        for index in host.indices { host[index] = ASCII.lowercased(host[index]) }
        if host.last == UInt8(ascii: ".") { host.removeLast() }
        guard !host.isEmpty else { throw .hostMalformed }
        return ExactText(bytes: host)
    }

    private static func isPort(_ digits: Slice<UnsafeRawBufferPointer>) -> Bool {
        digits.isEmpty
            || digits.allSatisfy(ASCII.isDigit) && UInt16(String(decoding: digits, as: UTF8.self)) != nil
    }

    /// An IPv6 address in brackets.
    private static func isAddress(_ literal: Slice<UnsafeRawBufferPointer>) -> Bool {
        let address = literal.dropFirst().dropLast()
        return literal.last == UInt8(ascii: "]") && 2...45 ~= address.count
            && address.allSatisfy {
                ASCII.hexadecimal($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            } && address.contains(UInt8(ascii: ":"))
    }

    private static func isRegisteredName(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        var rest = name
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst(), let low = rest.popFirst(), ASCII.hexadecimal(high) != nil,
                    ASCII.hexadecimal(low) != nil
                else { return false }
            } else if !ASCII.isHostName(byte) {
                return false
            }
        }
        return true
    }

    /// Other percent encodings, and a lone `%`, stay as they are.
    private static func decodingUnreserved(_ bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        guard bytes.firstIndex(of: UInt8(ascii: "%")) != nil else { return Array(bytes) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let high = ASCII.hexadecimal(rest[rest.startIndex]),
                let low = ASCII.hexadecimal(rest[rest.startIndex + 1]), ASCII.isUnreserved(high << 4 | low)
            {
                decoded.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }
}
