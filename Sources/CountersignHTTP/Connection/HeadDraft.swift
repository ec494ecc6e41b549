import HTTPTypes
import NIOCore

/// The lines of a head that have been read so far.
struct HeadDraft {
    private var method = HTTPRequest.Method.get
    private var target = ByteRange(0..<0)
    private(set) var lines: [RequestFields.Line] = []
    private var framing = HeadReader.Framing()
    private var host: ByteRange?
    private var hasContentLength = false
    private var hasTransferEncoding = false
    private var wantsClose = false
    private var wantsKeepAlive = false

    /// The methods that clients send (RFC 9110 §9, RFC 5789, RFC 4918 §9, QUERY); routes decide which of them a path
    /// takes. Anything else is refused at its first bytes, so that a peer that does not speak HTTP is noticed as early
    /// as possible.
    private static let methods: [(text: [UInt8], method: HTTPRequest.Method)] = [
        "GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "QUERY", "PROPFIND",
        "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
    ].compactMap { name in HTTPRequest.Method(rawValue: name).map { (Array("\(name) ".utf8), $0) } }

    /// The method of this name; nil for one that no client sends.
    static func method(_ name: String) -> HTTPRequest.Method? { methods.first { $0.method.rawValue == name }?.method }

    /// Whether a request line, or an empty line before it, can begin with these bytes.
    static func canBegin(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if bytes.first == UInt8(ascii: "\r") { return bytes.count == 1 }
        return methods.contains { zip(bytes, $0.text).allSatisfy { $0 == $1 } }
    }

    // MARK: - Lines

    /// RFC 9112 §3: method, target and version, with one blank between them.
    mutating func readRequestLine(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) throws(HTTPFault) {
        let text = bytes[line]
        guard let found = Self.methods.first(where: { text.starts(with: $0.text) }) else { throw .requestLineMalformed }
        let start = line.lowerBound + found.text.count
        guard let end = bytes[start..<line.upperBound].firstIndex(of: UInt8(ascii: " ")), end > start else {
            throw .requestLineMalformed
        }
        guard (start..<end).allSatisfy({ ASCII.isVisible(bytes[$0]) }) else { throw .targetMalformed }
        try readVersion(bytes[(end + 1)..<line.upperBound])
        method = found.method
        target = ByteRange(start..<end)
    }

    private mutating func readVersion(_ version: Slice<UnsafeRawBufferPointer>) throws(HTTPFault) {
        let digits = version.suffix(3)
        guard version.count == 8, version.starts(with: "HTTP/".utf8), let minor = digits.last, ASCII.isDigit(minor),
            let major = digits.first, ASCII.isDigit(major), digits.dropFirst().first == UInt8(ascii: ".")
        else { throw .requestLineMalformed }
        guard major == UInt8(ascii: "1") else { throw .versionNotSupported }
        framing.isHTTP10 = minor == UInt8(ascii: "0")
    }

    /// RFC 9112 §5: `name: value`.
    mutating func readField(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) throws(HTTPFault) {
        let field = try Self.field(bytes, line)
        if lines.isEmpty { lines.reserveCapacity(16) }
        lines.append(field)
        let (name, value) = (bytes[field.name.range], bytes[field.value.range])
        switch name.count {
        case 4 where ASCII.isEqual(name, lowercased: "host".utf8):
            guard host == nil else { throw .hostTwice }
            host = field.value
        case 6 where ASCII.isEqual(name, lowercased: "expect".utf8):
            framing.expectsContinue = ASCII.isEqual(value, lowercased: "100-continue".utf8)
        case 10 where ASCII.isEqual(name, lowercased: "connection".utf8): readConnection(value)
        case 14 where ASCII.isEqual(name, lowercased: "content-length".utf8): try readContentLength(value)
        case 17 where ASCII.isEqual(name, lowercased: "transfer-encoding".utf8): try readTransferEncoding(value)
        default: break
        }
    }

    /// Also reads a trailer's line.
    static func field<Bytes: RandomAccessCollection<UInt8>>(
        _ bytes: Bytes, _ line: Range<Int>
    ) throws(HTTPFault) -> RequestFields.Line where Bytes.Index == Int {
        var colon = line.lowerBound
        while colon < line.upperBound, ASCII.isToken(bytes[colon]) { colon += 1 }
        guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == UInt8(ascii: ":") else {
            throw .fieldMalformed
        }
        var (start, end) = (colon + 1, line.upperBound)
        while start < end, ASCII.isBlank(bytes[start]) { start += 1 }
        while start < end, ASCII.isBlank(bytes[end - 1]) { end -= 1 }
        guard (start..<end).allSatisfy({ ASCII.isFieldValue(bytes[$0]) }) else { throw .fieldMalformed }
        return RequestFields.Line(name: ByteRange(line.lowerBound..<colon), value: ByteRange(start..<end))
    }

    // MARK: - Fields that decide where a request ends and what follows it

    private mutating func readConnection(_ options: Slice<UnsafeRawBufferPointer>) {
        for option in options.split(separator: UInt8(ascii: ",")) {
            let name = option.drop(while: ASCII.isBlank).prefix { !ASCII.isBlank($0) }
            if ASCII.isEqual(name, lowercased: "close".utf8) { wantsClose = true }
            if ASCII.isEqual(name, lowercased: "keep-alive".utf8) { wantsKeepAlive = true }
        }
    }

    /// RFC 9112 §6.3: digits, and only once. A number that does not fit counts as the largest possible one.
    private mutating func readContentLength(_ value: Slice<UnsafeRawBufferPointer>) throws(HTTPFault) {
        guard !hasContentLength, !value.isEmpty, value.allSatisfy(ASCII.isDigit) else { throw .contentLengthMalformed }
        hasContentLength = true
        framing.body = .bytes(Int(String(decoding: value, as: UTF8.self)) ?? .max)
    }

    private mutating func readTransferEncoding(_ value: Slice<UnsafeRawBufferPointer>) throws(HTTPFault) {
        guard !hasTransferEncoding, !framing.isHTTP10, ASCII.isEqual(value, lowercased: "chunked".utf8) else {
            throw .transferEncodingNotSupported
        }
        hasTransferEncoding = true
    }

    // MARK: - The whole

    /// The request, once all lines have been read.
    /// - Parameters:
    ///   - bytes: the whole head.
    ///   - head: the same bytes, for the request to keep.
    func finish(
        _ bytes: UnsafeRawBufferPointer, _ head: ByteBuffer
    ) throws(HTTPFault) -> (RequestHead, HeadReader.Framing) {
        if hasContentLength, hasTransferEncoding { throw .lengthTwice }
        var framing = framing
        if hasTransferEncoding { framing.body = .chunked }
        framing.keepsAlive = !wantsClose && (wantsKeepAlive || !framing.isHTTP10)
        // RFC 9110 §10.1.1: HTTP/1.0 has no interim answers.
        framing.expectsContinue = framing.expectsContinue && !framing.isHTTP10
        let (path, authority) = try RequestTarget.split(bytes[target.range], method: method)
        guard host != nil || framing.isHTTP10 else { throw .hostMissing }
        var name = try host.map { range throws(HTTPFault) in try RequestTarget.host(bytes[range.range]) }
        if let authority { name = try RequestTarget.host(bytes[authority]) }
        let request = RequestHead(
            method: method, path: RequestTarget.path(bytes[path]), host: name,
            headerFields: RequestFields(head, lines: lines))
        return (request, framing)
    }
}
