package import HTTPTypes
import NIOCore
package import TokenExchange

/// A request without its body. It is well-formed HTTP (``HeadReader`` has checked that); whether it makes sense is for
/// routes to decide.
package struct RequestHead: Sendable {
    package let method: HTTPRequest.Method
    /// Without the query, with unreserved characters decoded (RFC 3986 §6.2.2.2); `*` means the whole server.
    package let path: ExactText
    /// ASCII in lower case, without port and trailing dot; nil if the request names none.
    package let host: ExactText?
    package let headerFields: RequestFields
}

/// The header fields of a request: the bytes of its head, and the positions of names and values in them. A value
/// becomes a string only when it is asked for.
package struct RequestFields: Sendable {
    /// Where one field is, its name and its value without the blanks around it.
    struct Line: Sendable, Equatable {
        let name: ByteRange
        let value: ByteRange
    }

    private let head: ByteBuffer
    private let lines: [Line]

    /// - Parameter lines: positions in the readable bytes of `head`.
    init(_ head: ByteBuffer, lines: [Line]) {
        self.head = head
        self.lines = lines
    }

    /// The value; if a field comes more than once, all values with a comma between them (RFC 9110 §5.3). Nil if there
    /// is no such field.
    package subscript(name: HTTPField.Name) -> String? {
        var found: String?
        forEachValue(of: name) { bytes in
            let value = String(decoding: bytes, as: UTF8.self)
            found = found.map { $0 + ", " + value } ?? value
        }
        return found
    }

    /// Whether there is one such field, with this value in any case. Makes no string.
    /// - Parameter value: in lower case.
    func has(_ name: HTTPField.Name, _ value: String) -> Bool {
        var found: Bool?
        forEachValue(of: name) { found = found == nil && ASCII.isEqual($0, lowercased: value.utf8) }
        return found ?? false
    }

    private func forEachValue(of name: HTTPField.Name, _ body: (Slice<UnsafeRawBufferPointer>) -> Void) {
        let name = name.canonicalName.utf8
        head.withUnsafeReadableBytes { bytes in
            for line in lines where line.name.count == name.count {
                if ASCII.isEqual(bytes[line.name.range], lowercased: name) { body(bytes[line.value.range]) }
            }
        }
    }
}

/// A range of a head's bytes, counted from its first byte. Half the size of a `Range<Int>`.
struct ByteRange: Sendable, Equatable {
    private let start: UInt32
    private let end: UInt32

    init(_ range: Range<Int>) {
        start = UInt32(range.lowerBound)
        end = UInt32(range.upperBound)
    }

    var range: Range<Int> { Int(start)..<Int(end) }
    var count: Int { Int(end - start) }
}
