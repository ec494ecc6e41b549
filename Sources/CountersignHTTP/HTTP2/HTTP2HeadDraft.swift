import HTTPTypes
import NIOCore
import NIOHPACK
import TokenExchange

/// A request's head in HTTP/2, as far as the rest of the service cares.
struct HTTP2Head {
    let request: RequestHead
    /// The length of the body that the client has announced; nil if it has not.
    let contentLength: Int?
    /// Whether it waits for an interim answer before it sends the body (RFC 9110 §10.1.1).
    let expectsContinue: Bool
    /// What keeping it costs.
    let byteCount: Int
}

/// Makes a head of a field block by the rules of RFC 9113 §8.2 and §8.3. What HTTP/1.1 refuses is refused here as well,
/// under the same limits: a field counts as many bytes as its line would have.
struct HTTP2HeadDraft {
    /// Fields that belong to connections of HTTP/1.1 (RFC 9113 §8.2.2).
    private static let forbidden: Set = [
        "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade",
    ]

    private let limits: HeadLimits
    private var bytes: ByteBuffer
    private var byteCount = 0
    private var lines: [RequestFields.Line] = []
    private var (method, scheme, authority, path): (String?, String?, String?, String?)
    private var host: String?
    private var contentLength: Int?
    private var expectsContinue = false

    private init(_ limits: HeadLimits, _ allocator: ByteBufferAllocator) {
        self.limits = limits
        bytes = allocator.buffer(capacity: 512)
        lines.reserveCapacity(16)
    }

    /// - Throws: why it is no request, or that it is too large.
    static func head(
        _ block: HPACKHeaders, _ limits: HeadLimits, allocator: ByteBufferAllocator
    ) throws(HTTPFault) -> HTTP2Head {
        var draft = HTTP2HeadDraft(limits, allocator)
        for (name, value, _) in block { try draft.read(name, value) }
        return try draft.finish()
    }

    /// Why the fields after a body cannot be taken; nil if they can. They are not used.
    static func fault(inTrailers block: HPACKHeaders, _ limits: HeadLimits, allocator: ByteBufferAllocator)
        -> HTTPFault?
    {
        var draft = HTTP2HeadDraft(limits, allocator)
        do throws(HTTPFault) {
            for (name, value, _) in block { try draft.read(name, value) }
        } catch { return error == .headTooLarge ? .trailersTooLarge : error }
        let isPlain = [draft.method, draft.scheme, draft.authority, draft.path].allSatisfy { $0 == nil }
        return isPlain ? nil : .fieldMalformed
    }

    // MARK: - Fields

    private mutating func read(_ name: String, _ value: String) throws(HTTPFault) {
        let lineBytes = name.utf8.count + value.utf8.count + 2
        byteCount += lineBytes + 2
        guard lineBytes <= limits.lineBytes, byteCount <= limits.bytes else { throw .headTooLarge }
        guard value.utf8.allSatisfy(ASCII.isFieldValue), !Self.hasBlankAtAnEnd(value.utf8) else {
            throw .fieldMalformed
        }
        if name.utf8.first == UInt8(ascii: ":") { return try readPseudoField(name, value) }
        guard lines.count < limits.fieldCount else { throw .headTooLarge }
        guard !name.isEmpty, name.utf8.allSatisfy({ ASCII.isToken($0) && ASCII.lowercased($0) == $0 }),
            !Self.forbidden.contains(name)
        else { throw .fieldMalformed }
        switch name {
        case "host":
            guard host == nil else { throw .hostTwice }
            host = value
        case "te":
            guard value == "trailers" else { throw .fieldMalformed }
        case "expect": expectsContinue = ASCII.isEqual(value.utf8, lowercased: "100-continue".utf8)
        case "content-length":
            guard contentLength == nil, !value.isEmpty, value.utf8.allSatisfy(ASCII.isDigit) else {
                throw .contentLengthMalformed
            }
            contentLength = Int(value) ?? .max
        default: break
        }
        lines.append(RequestFields.Line(name: append(name), value: append(value)))
    }

    /// Each at most once, and before all other fields.
    private mutating func readPseudoField(_ name: String, _ value: String) throws(HTTPFault) {
        guard lines.isEmpty else { throw .fieldMalformed }
        switch name {
        case ":method": try Self.set(&method, value)
        case ":scheme": try Self.set(&scheme, value)
        case ":authority": try Self.set(&authority, value)
        case ":path": try Self.set(&path, value)
        default: throw .fieldMalformed
        }
    }

    private static func set(_ field: inout String?, _ value: String) throws(HTTPFault) {
        guard field == nil else { throw .fieldMalformed }
        field = value
    }

    private static func hasBlankAtAnEnd(_ value: String.UTF8View) -> Bool {
        value.first.map(ASCII.isBlank) == true || value.last.map(ASCII.isBlank) == true
    }

    private mutating func append(_ text: String) -> ByteRange {
        let start = bytes.writerIndex
        bytes.writeString(text)
        return ByteRange(start..<bytes.writerIndex)
    }

    // MARK: - The whole

    private mutating func finish() throws(HTTPFault) -> HTTP2Head {
        guard let method = method.flatMap(HeadDraft.method), let scheme,
            ["http", "https"].contains(where: { ASCII.isEqual(scheme.utf8, lowercased: $0.utf8) })
        else { throw .requestLineMalformed }
        let path = try target(for: method)
        let request = RequestHead(
            method: method, path: path, host: try hostName(), headerFields: RequestFields(bytes, lines: lines))
        return HTTP2Head(
            request: request, contentLength: contentLength, expectsContinue: expectsContinue, byteCount: byteCount)
    }

    private func target(for method: HTTPRequest.Method) throws(HTTPFault) -> ExactText {
        let target = Array((path ?? "").utf8)
        // The absolute form is one of HTTP/1.1.
        guard target.first == UInt8(ascii: "/") || target.first == UInt8(ascii: "*"),
            target.allSatisfy(ASCII.isVisible)
        else { throw .targetMalformed }
        return try Self.reading(target) { bytes throws(HTTPFault) in
            let (path, _) = try RequestTarget.split(bytes, method: method)
            return RequestTarget.path(bytes[path])
        }
    }

    /// RFC 9113 §8.3.1: both names must be the same if a request has two.
    private func hostName() throws(HTTPFault) -> ExactText {
        var names: [ExactText] = []
        for name in [authority, host].compactMap(\.self) {
            names.append(try Self.reading(Array(name.utf8), RequestTarget.host))
        }
        guard let first = names.first else { throw .hostMissing }
        guard names.allSatisfy({ $0 == first }) else { throw .hostMalformed }
        return first
    }

    private static func reading<Value>(
        _ bytes: [UInt8], _ read: (Slice<UnsafeRawBufferPointer>) throws(HTTPFault) -> Value
    ) throws(HTTPFault) -> Value {
        try bytes.withUnsafeBytes { bytes in
            Result { () throws(HTTPFault) in try read(bytes[...]) }
        }.get()
    }
}
