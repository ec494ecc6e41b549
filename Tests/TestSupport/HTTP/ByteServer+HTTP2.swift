/// Frames of HTTP/2 (RFC 9113 §6), written by hand so that they may be wrong.
package struct HTTP2Bytes: Sendable {
    package let bytes: [UInt8]

    private init(type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8]) {
        let count = payload.count
        bytes =
            [UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), type, flags, 0, 0, 0, stream] + payload
    }

    private init(_ parts: HTTP2Bytes...) {
        bytes = parts.flatMap(\.bytes)
    }

    package static let settings = HTTP2Bytes(type: 4, [])

    package static func goAway(last stream: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(type: 7, [0, 0, 0, stream, 0, 0, 0, 0])
    }

    /// `:status: 200`, and fields after it.
    package static func head(
        stream: UInt8, _ fields: [UInt8] = [], endsHead: Bool = true, endsStream: Bool = false
    ) -> HTTP2Bytes {
        HTTP2Bytes(type: 1, flags: (endsHead ? 4 : 0) | (endsStream ? 1 : 0), stream: stream, [0x88] + fields)
    }

    /// `:status: 100`.
    package static func informational(stream: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(type: 1, flags: 4, stream: stream, [0x08, 3] + Array("100".utf8))
    }

    package static func continuation(stream: UInt8, _ fields: [UInt8], endsHead: Bool = false) -> HTTP2Bytes {
        HTTP2Bytes(type: 9, flags: endsHead ? 4 : 0, stream: stream, fields)
    }

    package static func data(stream: UInt8, _ text: String) -> HTTP2Bytes {
        HTTP2Bytes(type: 0, flags: 1, stream: stream, Array(text.utf8))
    }

    /// A whole answer with `{}`.
    package static func ok(stream: UInt8) -> HTTP2Bytes {
        HTTP2Bytes(head(stream: stream), data(stream: stream, "{}"))
    }

    /// `x-<number>: vvv…`, not indexed; the name has eight bytes.
    package static func field(_ number: Int, valueCount: Int) -> [UInt8] {
        let name = Array("x-\(100_000 + number)".utf8)
        // An integer with a prefix of seven bits (RFC 7541 §5.1).
        var length: [UInt8] = [127]
        var rest = valueCount - 127
        while rest >= 128 {
            length.append(UInt8(rest % 128 + 128))
            rest /= 128
        }
        length.append(UInt8(max(rest, 0)))
        if valueCount < 127 { length = [UInt8(valueCount)] }
        return [0x00, UInt8(name.count)] + name + length + [UInt8](repeating: UInt8(ascii: "v"), count: valueCount)
    }
}

extension ByteServer.Step {
    package static func frame(_ frame: HTTP2Bytes) -> ByteServer.Step { .sendBytes(frame.bytes) }
}
