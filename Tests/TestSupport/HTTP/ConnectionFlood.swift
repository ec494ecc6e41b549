import Foundation
import Synchronization

/// Many connections that misuse a port as long as this lives, opened again when they are closed.
package final class ConnectionFlood: Sendable {
    package enum Manner: String, Sendable, CaseIterable {
        case idle
        case noHTTP
        case helloOfTLS
        /// A byte every now and then.
        case slowHead
        case slowBody
        case endlessHead
        case endlessTrailers
        /// Reads none of its answers.
        case deaf
        case endlessEmptyLines

        /// What it sends at first, and then again and again.
        fileprivate var bytes: (first: [UInt8], more: [UInt8]) {
            let post = "POST /post_login_callback/vip-loyalty HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            return switch self {
            case .idle: ([], [])
            case .noHTTP: ([1, 2, 3, 4, 5], [])
            case .helloOfTLS: ([0x16, 3, 1, 2, 0, 1, 0], [])
            case .slowHead: (Array("GET / HTTP/1.1\r\nX: ".utf8), [0x78])
            case .slowBody: (Array("\(post)Content-Length: 10000\r\n\r\n".utf8), [0x20])
            case .endlessHead: (Array("GET / HTTP/1.1\r\nX:".utf8), [UInt8](repeating: 0x20, count: 16384))
            case .endlessTrailers:
                (Array("\(post)Transfer-Encoding: chunked\r\n\r\n0\r\n".utf8), Array("X: y\r\n".utf8))
            case .deaf:
                (
                    Array(
                        String(repeating: "GET /webview/countersign.v1.js HTTP/1.1\r\nHost: x\r\n\r\n", count: 600).utf8
                    ),
                    []
                )
            case .endlessEmptyLines: ([], Array(String(repeating: "\r\n", count: 1000).utf8))
            }
        }
    }

    private struct State {
        var isOver = false
        var opened = 0
    }

    private let state = Mutex(State())

    /// Opens that many connections, or as many as it can, before it returns.
    /// - Parameter lastBytes: of its own addresses 127.0.0.x.
    package init(_ manner: Manner, port: Int, connections: Int, from lastBytes: ClosedRange<UInt8> = 2...4) {
        let bytes = manner.bytes
        let opened = DispatchSemaphore(value: 0)
        let thread = Thread { [weak self] in
            var sockets: [LoopbackSocket?] = Array(repeating: nil, count: connections)
            var round = 0
            while self?.isOver == false {
                for index in sockets.indices {
                    let source = lastBytes.lowerBound + UInt8(index % lastBytes.count)
                    if let socket = sockets[index], socket.isOpen(sending: bytes.more, reading: manner != .deaf) {
                        continue
                    }
                    sockets[index] = LoopbackSocket.opened(port: port, from: source, sending: bytes.first)
                    if sockets[index] != nil { self?.state.withLock { $0.opened += 1 } }
                }
                if round == 0 { opened.signal() }
                round += 1
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
        thread.start()
        opened.wait()
    }

    deinit { state.withLock { $0.isOver = true } }

    /// How many connections it has opened so far.
    package var openedCount: Int { state.withLock(\.opened) }

    private var isOver: Bool { state.withLock(\.isOver) }
}

extension LoopbackSocket {
    private static func isConnected(_ socket: LoopbackSocket, _ port: Int) -> Bool {
        socket.setReceiveBuffer(16384)
        return (try? socket.connect(port: port)) != nil
    }

    /// Nil if it cannot be connected at the moment.
    fileprivate static func opened(port: Int, from lastByte: UInt8, sending first: [UInt8]) -> LoopbackSocket? {
        guard let socket = try? LoopbackSocket(), (try? socket.bind(port: 0, lastByte: lastByte)) != nil,
            isConnected(socket, port)
        else { return nil }
        _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK)
        _ = first.withUnsafeBytes { send(socket.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        return socket
    }

    /// Whether the other side has not closed, as far as can be seen from here.
    fileprivate func isOpen(sending more: [UInt8], reading: Bool) -> Bool {
        if !more.isEmpty {
            let sent = more.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            if sent < 0, errno != EAGAIN { return false }
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let received = recv(descriptor, &bytes, bytes.count, reading ? 0 : CInt(MSG_PEEK))
        return received > 0 || received < 0 && errno == EAGAIN
    }
}
