import HTTPTypes
import NIOCore
import TokenExchange

/// Writes an answer as HTTP/1.1 (RFC 9112 §4).
enum AnswerWriter {
    /// Tells a client with `Expect: 100-continue` to send its body (RFC 9110 §15.2.1).
    static let interim = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    /// Everything before the body.
    static func head(of reply: Reply, _ persistence: ConnectionMachine.Persistence) -> [UInt8] {
        let (status, stamp) = (reply.status, reply.stamp)
        var head: [UInt8] = []
        head.reserveCapacity(320)
        // What most answers have is a constant: interpolation costs more than everything else here.
        if status == .ok {
            head.append("HTTP/1.1 200 OK")
        } else {
            append("HTTP/1.1 \(status.code) \(status.reasonPhrase)", to: &head)
        }
        for field in reply.headers {
            head.append("\r\n")
            append(field.name.rawName, to: &head)
            head.append(": ")
            append(field.value, to: &head)
        }
        head.append("\r\nX-Request-Id: ")
        append(stamp.requestID, to: &head)
        head.append("\r\nDate: ")
        append(stamp.date, to: &head)
        if hasLength(status) {
            head.append("\r\nContent-Length: ")
            head.append(decimal: Int64(reply.body.count))
        }
        switch persistence {
        case .keepAlive: break
        case .keepAliveHTTP10: head.append("\r\nConnection: keep-alive")
        case .close: head.append("\r\nConnection: close")
        }
        head.append("\r\n\r\n")
        return head
    }

    private static func append(_ text: String, to head: inout [UInt8]) {
        var text = text
        text.withUTF8 { head.append(contentsOf: $0) }
    }

    /// RFC 9110 §8.6: a 204 has no length, and a 304 would need the length of the answer that it replaces.
    static func hasLength(_ status: HTTPResponse.Status) -> Bool {
        status != .noContent && status != .notModified
    }
}
