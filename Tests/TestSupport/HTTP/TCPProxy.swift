import NIOCore
import NIOPosix
import Synchronization

/// Passes bytes between clients and a real server on the loopback interface, and mistreats them when told to.
///
/// Connections that stand and those that come are treated alike. Faults may be combined; each lasts until ``restore()``,
/// except the cut, which happens once.
package final class TCPProxy: Sendable {
    package let port: Int
    private let listener: any Channel
    private let traffic: ProxiedTraffic

    /// - Parameter target: a port of 127.0.0.1.
    package static func start(to target: Int) async throws -> TCPProxy {
        let traffic = ProxiedTraffic(eventLoop: MultiThreadedEventLoopGroup.singleton.any())
        let listener = try await ServerBootstrap(group: traffic.eventLoop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in traffic.connect(client, to: target) }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw SocketFailure(code: 0) }
        return TCPProxy(port: port, listener: listener, traffic: traffic)
    }

    private init(port: Int, listener: any Channel, traffic: ProxiedTraffic) {
        self.port = port
        self.listener = listener
        self.traffic = traffic
    }

    deinit {
        listener.close(promise: nil)
        traffic.closeAll()
    }

    /// Replies that come from now on arrive later by this.
    package func delay(_ delay: Duration) { traffic.change { $0.delay = TimeAmount(delay) } }

    /// Closes the connection, once, on which the reply byte after the next `count` comes; bytes of all connections count.
    package func cut(afterBytes count: Int) { traffic.change { $0.bytesBeforeCut = count } }

    /// Passes nothing in either direction until ``restore()``, and keeps the connections open.
    package func stall() { traffic.change { $0.isStalled = true } }

    /// Passes nothing to the clients any more on the connections that stand, as if their other end had gone without a word;
    /// new ones are well. It is for good.
    package func strand() { traffic.strand() }

    /// Replaces bytes of replies by others: each with a chance of one in `rarity`.
    package func corrupt(oneByteIn rarity: Int, seed: UInt64) {
        traffic.change { $0.corruption = .random(rarity: rarity, SeededGenerator(seed: seed)) }
    }

    /// Changes the pieces of replies as they pass.
    package func corrupt(_ change: @escaping @Sendable (inout [UInt8]) -> Void) {
        traffic.change { $0.corruption = .custom(change) }
    }

    /// Behaves from now on, and passes on what was held back.
    package func restore() { traffic.change { $0 = ProxyFaults() } }

    /// Closes the connections that stand; new ones are taken.
    package func disconnect() { traffic.closeAll() }

    /// Closes everything; nothing listens on the port any more.
    package func close() async throws {
        try await listener.close()
        traffic.closeAll()
    }
}

private struct ProxyFaults {
    enum Corruption {
        case random(rarity: Int, SeededGenerator)
        case custom(@Sendable (inout [UInt8]) -> Void)
    }

    var delay = TimeAmount.zero
    var bytesBeforeCut: Int?
    var isStalled = false
    var corruption: Corruption?

    /// - Returns: the bytes to pass on, and whether the connection ends after them.
    mutating func mistreat(_ reply: [UInt8]) -> (bytes: [UInt8], isCut: Bool) {
        var bytes = reply
        switch corruption {
        case .none: break
        case .custom(let change): change(&bytes)
        case .random(let rarity, var generator):
            for index in bytes.indices where Int.random(in: 0..<rarity, using: &generator) == 0 {
                bytes[index] &+= .random(in: 1...255, using: &generator)
            }
            corruption = .random(rarity: rarity, generator)
        }
        guard let limit = bytesBeforeCut else { return (bytes, false) }
        guard bytes.count > limit else {
            bytesBeforeCut = limit - bytes.count
            return (bytes, false)
        }
        bytesBeforeCut = nil
        return (Array(bytes.prefix(limit)), true)
    }
}

/// All connections through one proxy, on one event loop.
private final class ProxiedTraffic: Sendable {
    let eventLoop: any EventLoop
    private let faults = Mutex(ProxyFaults())
    private let pipes: NIOLoopBoundBox<[ObjectIdentifier: Pipe]>

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        pipes = .makeBoxSendingValue([:], eventLoop: eventLoop)
    }

    /// Connects `client`, which reads nothing yet, to the server.
    func connect(_ client: any Channel, to target: Int) -> EventLoopFuture<Void> {
        ClientBootstrap(group: eventLoop)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: target)
            .flatMapThrowing { server in
                try self.join(from: client, to: server, isReply: false)
                try self.join(from: server, to: client, isReply: true)
            }
            .flatMapErrorThrowing { error in
                client.close(promise: nil)
                throw error
            }
    }

    /// On the event loop, as all that follows but ``change(_:)`` and ``closeAll()``.
    private func join(from source: any Channel, to target: any Channel, isReply: Bool) throws {
        let pipe = Pipe(from: source, to: target, isReply: isReply, traffic: self)
        pipes.value[ObjectIdentifier(pipe)] = pipe
        try source.pipeline.syncOperations.addHandler(pipe)
        source.setOption(.autoRead, value: true).whenFailure { _ in source.close(promise: nil) }
    }

    func left(_ pipe: Pipe) { pipes.value[ObjectIdentifier(pipe)] = nil }

    var delay: TimeAmount { faults.withLock(\.delay) }
    var isStalled: Bool { faults.withLock(\.isStalled) }

    func mistreat(_ reply: [UInt8]) -> (bytes: [UInt8], isCut: Bool) { faults.withLock { $0.mistreat(reply) } }

    func change(_ change: (inout sending ProxyFaults) -> Void) {
        faults.withLock { change(&$0) }
        eventLoop.execute { for pipe in self.pipes.value.values { pipe.pump() } }
    }

    func strand() {
        eventLoop.execute { for pipe in self.pipes.value.values { pipe.strand() } }
    }

    func closeAll() {
        eventLoop.execute { for pipe in self.pipes.value.values { pipe.close() } }
    }
}

/// One direction of one connection: what is read leaves in the order of arrival, when its time has come.
private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let source: any Channel
    private let target: any Channel
    private let isReply: Bool
    private let traffic: ProxiedTraffic
    private var held = CircularBuffer<(due: NIODeadline, bytes: [UInt8])>()
    private var sourceHasEnded = false
    private var isStranded = false

    init(from source: any Channel, to target: any Channel, isReply: Bool, traffic: ProxiedTraffic) {
        self.source = source
        self.target = target
        self.isReply = isReply
        self.traffic = traffic
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let delay = isReply ? traffic.delay : .zero
        // What came first leaves first, however the delay changes.
        let due = max(held.last?.due ?? .uptimeNanoseconds(0), .now() + delay)
        held.append((due, Array(unwrapInboundIn(data).readableBytesView)))
        if delay == .zero { return pump() }
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.pump() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        sourceHasEnded = true
        pump()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

    /// Passes on what is due.
    func pump() {
        guard !traffic.isStalled, !isStranded else { return }
        let now = NIODeadline.now()
        while let first = held.first, first.due <= now {
            held.removeFirst()
            let (bytes, isCut) = isReply ? traffic.mistreat(first.bytes) : (first.bytes, false)
            target.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
            if isCut { return close() }
        }
        if let next = held.first {
            source.eventLoop.assumeIsolated().scheduleTask(deadline: next.due) { self.pump() }
        } else if sourceHasEnded {
            close()
        }
    }

    func strand() { isStranded = isReply }

    func close() {
        held.removeAll()
        traffic.left(self)
        source.close(promise: nil)
        target.close(promise: nil)
    }
}
