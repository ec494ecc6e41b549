import NIOCore
import NIOHPACK
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// A client of HTTP/2 over TLS that sends frames as they are given to it, right or wrong, and keeps what it gets.
package final class HTTP2Client: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let headers: [String: String]
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What has arrived.
    fileprivate struct Received {
        var bytes = ByteBuffer()
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        var heads: [Int: [HPACKHeaders]] = [:]
        var bodies: [Int: [UInt8]] = [:]
        var ended: Set<Int> = []
        /// The codes of `RST_STREAM`.
        var resets: [Int: UInt32] = [:]
        var goAways: [(last: Int, code: UInt32)] = []
        var settings: [UInt16: UInt32] = [:]
        var isClosed = false
    }

    private let channel: any Channel
    private let received: Shared

    fileprivate final class Shared: Sendable {
        let state = Mutex(Received())
    }

    /// Shakes hands, sends the preface, and says by an acknowledgement that it knows the server's settings.
    ///
    /// - Parameters:
    ///   - settings: our own, as their numbers.
    ///   - receiveBuffer: bytes that the kernel takes while nobody reads; nil for as many as it likes.
    package static func connect(
        port: Int, trusting certificate: TestCertificate, settings: [UInt16: UInt32] = [:],
        acknowledgesSettings: Bool = true, receiveBuffer: Int? = nil
    ) async throws -> HTTP2Client {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try certificate.certificates)
        configuration.applicationProtocols = ["h2"]
        let tls = try NIOSSLContext(configuration: configuration)
        let received = Shared()
        let agreed = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: String?.self)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBuffer)
        }
        let channel = try await bootstrap.channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers(
                    NIOSSLClientHandler(context: tls, serverHostname: "localhost"),
                    FrameCollector(received, agreed, settings, acknowledgesSettings))
            }
        }.connect(host: "127.0.0.1", port: port).get()
        guard try await agreed.futureResult.get() == "h2" else { throw ProgramFailure(description: "no HTTP/2") }
        let client = HTTP2Client(channel, received)
        if acknowledgesSettings {
            try await eventually("the server's settings") { received.state.withLock { !$0.settings.isEmpty } }
        }
        return client
    }

    private init(_ channel: any Channel, _ received: Shared) {
        self.channel = channel
        self.received = received
    }

    deinit { channel.close(promise: nil) }

    /// Sends all in one piece.
    package func send(_ frames: [HTTP2Bytes]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: frames.flatMap(\.bytes))).get()
    }

    package func send(_ frames: HTTP2Bytes...) async throws { try await send(frames) }

    /// Reads no more from the socket.
    package func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

    package func close() async throws { try await channel.close().get() }

    /// Waits for the whole answer on a stream.
    package func answer(_ stream: Int) async throws -> Answer {
        try await eventually("an answer on stream \(stream)", within: .seconds(20)) {
            received.state.withLock { $0.ended.contains(stream) || $0.resets[stream] != nil || $0.isClosed }
        }
        return try received.state.withLock { state in
            guard state.ended.contains(stream), let head = state.heads[stream]?.last else {
                throw ProgramFailure(description: "reset: \(state.resets), closed: \(state.isClosed)")
            }
            let fields = head.map { ($0.name, $0.value) }
            return Answer(
                status: head.first(name: ":status").flatMap { Int($0) } ?? 0,
                headers: Dictionary(fields) { first, _ in first }, body: state.bodies[stream] ?? [])
        }
    }

    /// Waits until the server has reset a stream; its code.
    package func reset(_ stream: Int) async throws -> UInt32 {
        try await eventually("stream \(stream) is reset", within: .seconds(20)) {
            received.state.withLock { $0.resets[stream] != nil || $0.isClosed }
        }
        return received.state.withLock { $0.resets[stream] ?? .max }
    }

    /// Waits until the server has closed the connection; the code of its last `GOAWAY`, nil if that was lost.
    package func end() async throws -> UInt32? {
        try await eventually("the connection ends", within: .seconds(20)) { received.state.withLock(\.isClosed) }
        return received.state.withLock { $0.goAways.last?.code }
    }

    package var isClosed: Bool { received.state.withLock(\.isClosed) }
    /// The last streams that the server's `GOAWAY`s name.
    package var goAways: [Int] { received.state.withLock { $0.goAways.map(\.last) } }
    package var resetCount: Int { received.state.withLock(\.resets.count) }
    package var endedCount: Int { received.state.withLock(\.ended.count) }
    /// How many heads a stream has got, interim ones included.
    package func headCount(_ stream: Int) -> Int { received.state.withLock { $0.heads[stream]?.count ?? 0 } }
    /// The server's, by their numbers.
    package var settings: [UInt16: UInt32] { received.state.withLock(\.settings) }
}

private final class FrameCollector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let received: HTTP2Client.Shared
    private let agreed: EventLoopPromise<String?>
    private let settings: [UInt16: UInt32]
    private let acknowledgesSettings: Bool

    init(
        _ received: HTTP2Client.Shared, _ agreed: EventLoopPromise<String?>, _ settings: [UInt16: UInt32],
        _ acknowledgesSettings: Bool
    ) {
        self.received = received
        self.agreed = agreed
        self.settings = settings
        self.acknowledgesSettings = acknowledgesSettings
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted(let name) = event else { return }
        // Before anything that the server's settings cause.
        let greeting = HTTP2Bytes.preface.bytes + HTTP2Bytes.settings(settings).bytes
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: greeting)), promise: nil)
        agreed.succeed(name)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let hasNewSettings = received.state.withLock { state in
            state.bytes.writeImmutableBuffer(bytes)
            var hasNewSettings = false
            while let frame = state.nextFrame() { hasNewSettings = state.take(frame) || hasNewSettings }
            return hasNewSettings
        }
        if hasNewSettings, acknowledgesSettings {
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(bytes: HTTP2Bytes.settingsAcknowledged.bytes)), promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        received.state.withLock { $0.isClosed = true }
        agreed.succeed(nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

extension HTTP2Client.Received {
    struct Frame {
        let type: UInt8
        let flags: UInt8
        let stream: Int
        var payload: ByteBuffer
    }

    mutating func nextFrame() -> Frame? {
        let start = bytes.readerIndex
        guard bytes.readableBytes >= 9, let high = bytes.getInteger(at: start, as: UInt8.self),
            let low = bytes.getInteger(at: start + 1, as: UInt16.self),
            bytes.readableBytes >= 9 + (Int(high) << 16 | Int(low)),
            let type = bytes.getInteger(at: start + 3, as: UInt8.self),
            let flags = bytes.getInteger(at: start + 4, as: UInt8.self),
            let stream = bytes.getInteger(at: start + 5, as: UInt32.self)
        else { return nil }
        bytes.moveReaderIndex(forwardBy: 9)
        guard let payload = bytes.readSlice(length: Int(high) << 16 | Int(low)) else { return nil }
        return Frame(type: type, flags: flags, stream: Int(stream), payload: payload)
    }

    /// - Returns: whether the server has told its settings.
    mutating func take(_ frame: Frame) -> Bool {
        var payload = frame.payload
        switch frame.type {
        case 0: bodies[frame.stream, default: []] += payload.readableBytesView
        case 1:
            if let head = try? decoder.decodeHeaders(from: &payload) { heads[frame.stream, default: []].append(head) }
        case 3: resets[frame.stream] = payload.readInteger()
        case 4 where frame.flags == 0:
            while let number = payload.readInteger(as: UInt16.self), let value = payload.readInteger(as: UInt32.self) {
                settings[number] = value
            }
            return true
        case 7:
            if let last = payload.readInteger(as: UInt32.self), let code = payload.readInteger(as: UInt32.self) {
                goAways.append((Int(last), code))
            }
        default: break
        }
        if frame.type <= 1, frame.flags & 1 != 0 { ended.insert(frame.stream) }
        return false
    }
}
