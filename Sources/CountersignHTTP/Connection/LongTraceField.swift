import NIOCore

/// A `traceparent` or `tracestate` that is longer than a line of a head may be. It is dropped while it arrives, since no
/// request fails for what only traces need; the bytes are checked, but never kept.
struct LongTraceField {
    /// How many bytes of a head are dropped like this; beyond it the head is too large.
    static let limit = 4 * 1024 * 1024

    private var dropped = 0
    private var last: UInt8 = 0
    /// Whether the end of the line is still to come.
    private(set) var isOpen = false

    /// Whether the bytes from `start` on begin with the name of such a header.
    static func begins(_ input: ByteBuffer, at start: Int) -> Bool {
        ["traceparent:", "tracestate:"].contains { name in
            let bytes = input.readableBytesView.dropFirst(start).prefix(name.utf8.count)
            return ASCII.isEqual(bytes, lowercased: name.utf8)
        }
    }

    /// Drops the line at `start`, or as much of it as has come; bytes after it stay.
    mutating func drop(from input: inout ByteBuffer, at start: Int) throws(HTTPFault) {
        let bytes = input.readableBytesView.dropFirst(start)
        let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
        let line = bytes[..<(end ?? bytes.endIndex)]
        dropped += line.count
        guard dropped <= Self.limit else { throw .headTooLarge }
        for byte in line {
            guard last != Self.carriageReturn, ASCII.isFieldValue(byte) || byte == Self.carriageReturn else {
                throw .fieldMalformed
            }
            last = byte
        }
        isOpen = end == nil
        let rest = end.map { Array(bytes[$0...].dropFirst()) }
        input.moveWriterIndex(to: input.readerIndex + start)
        guard let rest else { return }
        guard last == Self.carriageReturn else { throw .fieldMalformed }
        last = 0
        input.writeBytes(rest)
    }

    private static let carriageReturn = UInt8(ascii: "\r")
}
