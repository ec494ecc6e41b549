import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server on 127.0.0.1 that answers a request with bytes, which need be no HTTP, or by closing.
package final class ByteServer: Sendable {
    package enum Step: Sendable {
        case send(String)
        case sendBytes([UInt8])
        /// For as long as anybody reads.
        case pour([UInt8])
        case close
        /// Without a goodbye, and with what was not read yet.
        case reset
    }

    /// - Parameters:
    ///   - connection: from 0 on, in the order of coming.
    ///   - request: from 0 on, on that connection.
    package typealias Script = @Sendable (_ connection: Int, _ request: Int) -> [Step]

    private struct State {
        var connections = 0
        var open = 0
        var requests = 0
        var bytesSent = 0
    }

    private let script: Script
    private let isHTTP2: Bool
    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)
    private let isTLS: Bool

    private init(_ script: @escaping Script, isTLS: Bool, isHTTP2: Bool) {
        self.script = script
        self.isTLS = isTLS
        self.isHTTP2 = isHTTP2
    }

    /// - Parameters:
    ///   - certificate: for TLS.
    ///   - isHTTP2: whether a request is a frame HEADERS, and not the end of a head.
    package static func start(
        certificate: TestCertificate? = nil, isHTTP2: Bool = false, _ script: @escaping Script
    ) async throws -> ByteServer {
        let server = ByteServer(script, isTLS: certificate != nil, isHTTP2: isHTTP2)
        let tls = try certificate.map { certificate in
            var configuration = try certificate.serverConfiguration
            configuration.applicationProtocols = isHTTP2 ? ["h2"] : ["http/1.1"]
            return try NIOSSLContext(configuration: configuration)
        }
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let sync = channel.pipeline.syncOperations
                    if let tls { try sync.addHandler(NIOSSLServerHandler(context: tls)) }
                    try sync.addHandler(ByteHandler(server, connection: server.noteConnection(channel)))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel.withLock { $0 = channel }
        return server
    }

    package func stop() async throws { try await channel.withLock(\.self)?.close() }

    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    package var url: String { "\(isTLS ? "https" : "http")://127.0.0.1:\(port)/tokens" }
    package var connectionCount: Int { state.withLock(\.connections) }
    package var openConnectionCount: Int { state.withLock(\.open) }
    package var requestCount: Int { state.withLock(\.requests) }
    /// Of what is poured.
    package var bytesSent: Int { state.withLock(\.bytesSent) }

    private func noteConnection(_ channel: any Channel) -> Int {
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.open -= 1 } }
        return state.withLock { state in
            state.connections += 1
            state.open += 1
            return state.connections - 1
        }
    }

    fileprivate func noteSent(_ count: Int) { state.withLock { $0.bytesSent += count } }

    fileprivate func steps(_ connection: Int, _ request: Int) -> [Step] {
        state.withLock { $0.requests += 1 }
        return script(connection, request)
    }

    /// How many requests the bytes hold, from the beginning of the connection.
    fileprivate func requests(in bytes: [UInt8]) -> Int {
        guard isHTTP2 else { return bytes.ranges(of: Array("\r\n\r\n".utf8)).count }
        var (count, rest) = (0, bytes.dropFirst(24))
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            if header[3] == 1 { count += 1 }
            rest = rest.dropFirst(9 + Int(header[0]) << 16 + Int(header[1]) << 8 + Int(header[2]))
        }
        return count
    }
}

extension ByteServer.Step {
    /// 200 with a JSON body, over HTTP/1.1.
    package static func json(_ text: String) -> ByteServer.Step {
        .send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
    }
}

private final class ByteHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let server: ByteServer
    private let connection: Int
    private var received: [UInt8] = []
    private var answered = 0

    init(_ server: ByteServer, connection: Int) {
        self.server = server
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytesView
        while answered < server.requests(in: received) {
            for step in server.steps(connection, answered) { Self.take(step, on: context.channel, server) }
            answered += 1
        }
    }

    private static func take(_ step: ByteServer.Step, on channel: any Channel, _ server: ByteServer) {
        switch step {
        case .send(let text): channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        case .sendBytes(let bytes): channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        case .pour(let bytes): pour(ByteBuffer(bytes: bytes), on: channel, server)
        case .close: channel.close(promise: nil)
        case .reset:
            (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                .whenComplete { _ in channel.close(promise: nil) }
        }
    }

    private static func pour(_ bytes: ByteBuffer, on channel: any Channel, _ server: ByteServer) {
        channel.writeAndFlush(bytes).whenSuccess {
            server.noteSent(bytes.readableBytes)
            // Not at once: while the kernel takes all of it, each call would be within the one before.
            channel.eventLoop.execute { pour(bytes, on: channel, server) }
        }
    }
}
