package import HTTPTypes
import NIOCore
package import TokenExchange

/// A request without its body. It is well formed (``HeadReader``); what it asks for is for the routes to say.
package struct RequestHead: Sendable {
    package let method: HTTPRequest.Method
    /// Without the query, and with unreserved characters as they are (RFC 3986 §6.2.2.2); `*` for the server as a whole.
    package let path: String
    /// ASCII in lower case, without port and without the dot that may end it; nil if none was named.
    package let host: ExactText?
    package let headerFields: RequestFields
}

/// The header fields of a request: the bytes of its head, and where in them names and values are. Values become strings
/// only when somebody asks for them.
package struct RequestFields: Sendable {
    struct Line: Sendable, Equatable {
        let name: ByteRange
        let value: ByteRange
    }

    private let head: ByteBuffer
    private let lines: [Line]

    /// - Parameter lines: positions in what can be read of `head`.
    init(_ head: ByteBuffer, lines: [Line]) {
        self.head = head
        self.lines = lines
    }

    /// The value; if a field comes more than once, all values with a comma between them (RFC 9110 §5.3). Nil if there is
    /// no such field.
    package subscript(name: HTTPField.Name) -> String? {
        head.withUnsafeReadableBytes { bytes in
            var found: String?
            for line in lines where ASCII.isEqual(bytes[line.name.range], lowercased: name.canonicalName.utf8) {
                let value = String(decoding: bytes[line.value.range], as: UTF8.self)
                found = found.map { $0 + ", " + value } ?? value
            }
            return found
        }
    }
}

/// A stretch of a head's bytes, counted from its first byte.
struct ByteRange: Sendable, Equatable {
    private let start: UInt32
    private let end: UInt32

    init(_ range: Range<Int>) {
        start = UInt32(range.lowerBound)
        end = UInt32(range.upperBound)
    }

    var range: Range<Int> { Int(start)..<Int(end) }
}
