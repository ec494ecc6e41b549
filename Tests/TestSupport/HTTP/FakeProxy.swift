import NIOCore
import NIOPosix
import Synchronization

/// An HTTP proxy on 127.0.0.1 that opens tunnels, or does not. Every name is this machine.
package final class FakeProxy: Sendable {
    package enum Behaviour: Sendable {
        case tunnel
        /// Bytes instead of a tunnel, and then the end.
        case answer(String)
        /// These, for as long as anybody reads.
        case pour(String)
        case silence
    }

    private struct State {
        var behaviour: Behaviour
        var heads: [String] = []
        var bytesSent = 0
    }

    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ behaviour: Behaviour) {
        state = Mutex(State(behaviour: behaviour))
    }

    package static func start(_ behaviour: Behaviour = .tunnel) async throws -> FakeProxy {
        let proxy = FakeProxy(behaviour)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ProxyHandler(proxy))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        proxy.channel.withLock { $0 = channel }
        return proxy
    }

    package func stop() async throws { try await channel.withLock(\.self)?.close() }

    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    package var url: String { "http://127.0.0.1:\(port)" }
    /// What asked for a tunnel, whole.
    package var heads: [String] { state.withLock(\.heads) }
    /// The targets of these.
    package var targets: [String] {
        heads.map { $0.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
    }
    package var bytesSent: Int { state.withLock(\.bytesSent) }

    package func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }

    fileprivate func behaviour(for head: String) -> Behaviour {
        state.withLock { state in
            state.heads.append(head)
            return state.behaviour
        }
    }

    fileprivate func noteSent(_ count: Int) { state.withLock { $0.bytesSent += count } }
}

private final class ProxyHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let proxy: FakeProxy
    private var head: [UInt8] = []

    init(_ proxy: FakeProxy) {
        self.proxy = proxy
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        head += unwrapInboundIn(data).readableBytesView
        guard head.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return }
        let text = String(decoding: head, as: UTF8.self)
        head = []
        let channel = context.channel
        switch proxy.behaviour(for: text) {
        case .tunnel: Self.tunnel(text, channel)
        case .answer(let answer):
            channel.writeAndFlush(ByteBuffer(string: answer)).whenComplete { _ in channel.close(promise: nil) }
        case .pour(let bytes): Self.pour(ByteBuffer(string: bytes), on: channel, proxy)
        case .silence: break
        }
    }

    private static func tunnel(_ head: String, _ client: any Channel) {
        let target = head.split(separator: " ")[1]
        let port = Int(target[target.lastIndex(of: ":")!...].dropFirst()) ?? 0
        ClientBootstrap(group: client.eventLoop).connect(host: "127.0.0.1", port: port).whenComplete { result in
            guard case .success(let server) = result else {
                let answer = ByteBuffer(string: "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return client.writeAndFlush(answer).whenComplete { _ in client.close(promise: nil) }
            }
            do {
                let sync = client.pipeline.syncOperations
                _ = sync.removeHandler(try sync.handler(type: ProxyHandler.self))
                try sync.addHandler(PassingHandler(to: server))
                try server.pipeline.syncOperations.addHandler(PassingHandler(to: client))
            } catch { return client.close(promise: nil) }
            client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n"), promise: nil)
        }
    }

    private static func pour(_ bytes: ByteBuffer, on channel: any Channel, _ proxy: FakeProxy) {
        channel.writeAndFlush(bytes).whenSuccess {
            proxy.noteSent(bytes.readableBytes)
            pour(bytes, on: channel, proxy)
        }
    }
}

/// What comes on one channel goes to the other, its end included.
private final class PassingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel

    init(to other: any Channel) {
        self.other = other
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
}
