import Foundation

/// One HTTP/1.1 connection to 127.0.0.1, blocking and byte-exact, so that tests can also send what no client would.
package final class HTTPConnection: Sendable {
    private let socket: LoopbackSocket

    /// - Parameters:
    ///   - lastByte: of our own address 127.0.0.x, for tests that play several sources.
    ///   - receiveBuffer: bytes that the kernel takes while nobody reads; nil for as many as it likes.
    package init(port: Int, from lastByte: UInt8 = 1, receiveBuffer: CInt? = nil) throws {
        socket = try LoopbackSocket()
        if let receiveBuffer { socket.setReceiveBuffer(receiveBuffer) }
        if lastByte != 1 { try socket.bind(port: 0, lastByte: lastByte) }
        try socket.connect(port: port)
    }

    package func send(_ text: String) throws { try socket.write(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws { try socket.write(bytes) }

    package func request(
        _ method: String, _ path: String, headers: [String: String] = [:], body: [UInt8]? = nil
    ) throws -> HTTPAnswer {
        var head = "\(method) \(path) HTTP/1.1\r\n"
        for (name, value) in ["Host": "127.0.0.1"].merging(headers, uniquingKeysWith: { $1 }) {
            head += "\(name): \(value)\r\n"
        }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        try socket.write(Array((head + "\r\n").utf8) + (body ?? []))
        return try answer(hasBody: method != "HEAD")
    }

    /// Says that nothing more will be sent.
    package func closeOutput() { shutdown(socket.descriptor, CInt(SHUT_WR)) }

    /// Sends a callback without waiting for the answer.
    package func login(_ token: [UInt8], _ device: String, _ provider: String) throws {
        let body = Array(#"{"deviceId":"\#(device)","identity":""#.utf8) + token + Array(#""}"#.utf8)
        let head = [
            "POST /post_login_callback/\(provider) HTTP/1.1", "Host: x", "Content-Type: application/json",
            "Content-Length: \(body.count)", "", "",
        ]
        try send(Array(head.joined(separator: "\r\n").utf8) + body)
    }

    /// Reads one answer.
    package func answer(hasBody: Bool = true) throws -> HTTPAnswer {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) { head.append(try socket.readByte()) }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            headers[line[..<colon].lowercased()] = line[colon...].dropFirst().trimmingCharacters(in: .whitespaces)
        }
        let count = hasBody ? headers["content-length"].flatMap { Int($0) } ?? 0 : 0
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return HTTPAnswer(status: status, headers: headers, body: try (0..<count).map { _ in try socket.readByte() })
    }

    /// Whether the other side has closed; waits for it up to the socket's time-out.
    package func isClosed() -> Bool {
        do {
            _ = try socket.readByte()
            return false
        } catch { return (error as? SocketFailure)?.code != EAGAIN }
    }
}

package struct HTTPAnswer: Sendable {
    package let status: Int
    /// Names in lower case.
    package let headers: [String: String]
    package let body: [UInt8]

    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The members of a JSON body.
    package var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
    }

    package var errorCode: String? { json["error_code"] as? String }
    package var externalIdentity: String? { json["external_identity"] as? String }
}
