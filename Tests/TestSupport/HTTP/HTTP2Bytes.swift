/// Frames of HTTP/2 (RFC 9113 §6), written by hand so that they may be wrong.
package struct HTTP2Bytes: Sendable {
    package let bytes: [UInt8]

    package init(type: UInt8, flags: UInt8 = 0, stream: Int = 0, _ payload: [UInt8]) {
        let count = payload.count
        let number = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> $0) }
        bytes =
            [UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), type, flags] + number + payload
    }

    private init(_ parts: HTTP2Bytes...) {
        bytes = parts.flatMap(\.bytes)
    }

    private init(raw: [UInt8]) {
        bytes = raw
    }
}

// MARK: - What servers send

extension HTTP2Bytes {
    package static let settings = HTTP2Bytes(type: 4, [])

    package static func goAway(last stream: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(type: 7, [0, 0, 0, stream, 0, 0, 0, 0])
    }

    /// `:status: 200`, and fields after it.
    package static func head(
        stream: UInt8, _ fields: [UInt8] = [], endsHead: Bool = true, endsStream: Bool = false
    ) -> HTTP2Bytes {
        HTTP2Bytes(type: 1, flags: (endsHead ? 4 : 0) | (endsStream ? 1 : 0), stream: Int(stream), [0x88] + fields)
    }

    /// `:status: 100`.
    package static func informational(stream: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(type: 1, flags: 4, stream: Int(stream), [0x08, 3] + Array("100".utf8))
    }

    package static func continuation(stream: UInt8, _ fields: [UInt8], endsHead: Bool = false) -> HTTP2Bytes {
        HTTP2Bytes(type: 9, flags: endsHead ? 4 : 0, stream: Int(stream), fields)
    }

    package static func data(stream: UInt8, _ text: String) -> HTTP2Bytes {
        HTTP2Bytes(type: 0, flags: 1, stream: Int(stream), Array(text.utf8))
    }

    /// A whole answer with `{}`.
    package static func ok(stream: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(head(stream: stream), data(stream: stream, "{}"))
    }

    /// `x-<number>: vvv…`, not indexed; the name has eight bytes.
    package static func field(_ number: Int, valueCount: Int) -> [UInt8] {
        field("x-\(100_000 + number)", String(repeating: "v", count: valueCount))
    }

    /// A field of any name and value, not indexed.
    package static func field(_ name: String, _ value: String) -> [UInt8] {
        [0x00] + text(name) + text(value)
    }

    private static func text(_ text: String) -> [UInt8] { length(text.utf8.count) + Array(text.utf8) }

    /// An integer with a prefix of seven bits (RFC 7541 §5.1).
    private static func length(_ count: Int) -> [UInt8] {
        guard count >= 127 else { return [UInt8(count)] }
        var (bytes, rest): ([UInt8], Int) = ([127], count - 127)
        while rest >= 128 {
            bytes.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }
}

extension ByteServer.Step {
    package static func frame(_ frame: HTTP2Bytes) -> ByteServer.Step { .sendBytes(frame.bytes) }
}

// MARK: - What clients send

extension HTTP2Bytes {
    package static let preface = HTTP2Bytes(raw: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
    package static let settingsAcknowledged = HTTP2Bytes(type: 4, flags: 1, [])
    package static let ping = HTTP2Bytes(type: 6, [1, 2, 3, 4, 5, 6, 7, 8])

    package static func settings(_ values: [UInt16: UInt32]) -> HTTP2Bytes {
        HTTP2Bytes(
            type: 4,
            values.flatMap { number, value in
                [UInt8(number >> 8), UInt8(number & 0xFF)]
                    + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
            })
    }

    /// - Parameter more: after the usual pseudo-fields.
    package static func request(
        _ stream: Int, _ path: String, method: String = "GET", more: [(String, String)] = [], endsStream: Bool = true,
        endsHead: Bool = true
    ) -> HTTP2Bytes {
        request(
            stream,
            [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)] + more,
            endsStream: endsStream, endsHead: endsHead)
    }

    package static func request(
        _ stream: Int, _ fields: [(String, String)], endsStream: Bool = true, endsHead: Bool = true
    ) -> HTTP2Bytes {
        HTTP2Bytes(
            type: 1, flags: (endsHead ? 4 : 0) | (endsStream ? 1 : 0), stream: stream,
            fields.flatMap { field($0.0, $0.1) })
    }

    package static func body(_ stream: Int, _ text: String, endsStream: Bool = true) -> HTTP2Bytes {
        HTTP2Bytes(type: 0, flags: endsStream ? 1 : 0, stream: stream, Array(text.utf8))
    }

    package static func reset(_ stream: Int) -> HTTP2Bytes { HTTP2Bytes(type: 3, stream: stream, [0, 0, 0, 8]) }

    package static func windowUpdate(_ stream: Int, by count: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(type: 8, stream: stream, [0, 0, 0, count])
    }
}
