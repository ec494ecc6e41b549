import HTTPTypes
import NIOCore

/// Writes an answer as HTTP/1.1 (RFC 9112 §4): head and body together.
enum AnswerWriter {
    /// Tells a client with `Expect: 100-continue` to send its body (RFC 9110 §15.2.1).
    static let interim = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    /// - Parameter isBodyLeftOut: true for `HEAD`, which is answered with the head of a `GET`'s answer.
    static func write(
        _ reply: Reply, _ persistence: ConnectionMachine.Persistence, isBodyLeftOut: Bool, to bytes: inout ByteBuffer
    ) {
        let status = reply.status
        // What most answers have is a constant: interpolation costs more than everything else here.
        bytes.writeString(
            status == .ok ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        for field in reply.headers { write(field.name.rawName, field.value, to: &bytes) }
        if hasLength(status) { write("Content-Length", String(reply.body.count), to: &bytes) }
        switch persistence {
        case .keepAlive: break
        case .keepAliveHTTP10: write("Connection", "keep-alive", to: &bytes)
        case .close: write("Connection", "close", to: &bytes)
        }
        bytes.writeString("\r\n")
        if !isBodyLeftOut { bytes.writeBytes(reply.body) }
    }

    private static func write(_ name: String, _ value: String, to bytes: inout ByteBuffer) {
        bytes.writeString(name)
        bytes.writeString(": ")
        bytes.writeString(value)
        bytes.writeString("\r\n")
    }

    /// RFC 9110 §8.6: a 204 has no length, and a 304 would need the length of the answer that it replaces.
    static func hasLength(_ status: HTTPResponse.Status) -> Bool {
        status != .noContent && status != .notModified
    }
}
