import NIOCore

/// Looks at the frames of an HTTP/2 connection (RFC 9113 §4.1) before and after NIO's handler does.
///
/// Of what a client sends, it bounds the frames that NIO takes without end: `WINDOW_UPDATE`, `GOAWAY` and unknown ones.
/// Of what we send, it notices a `GOAWAY` with an error: NIO sends one and goes on reading, so the connection must be
/// closed by others. Nothing is passed on after either.
final class FrameGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A client has sent too many frames that belong to no request.
    struct Flood: Error {}

    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let resetStream: UInt8 = 3
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
        static let endHeaders: UInt8 = 4
    }

    private static let prefaceBytes = 24
    private static let headerBytes = 9
    /// How many frames a request may cause besides its own: one or two for each piece of its answer.
    private static let framesPerRequest = 8.0

    /// Whether the connection has to end.
    private(set) var hasFailed = false
    /// Since when the client has been in the middle of a frame or of a head; nil if it is not.
    private(set) var unfinishedSince: NIODeadline?
    private var context: ChannelHandlerContext?
    private let perMinute: Double
    private let metrics: ConnectionMetrics
    /// How many more frames the client may send at `at`.
    private var allowance: Double
    private var at: NIODeadline
    /// Bytes to skip before the next frame's header.
    private var skip = FrameGuard.prefaceBytes
    private var header: [UInt8] = []
    private var isInHead = false
    private var isPayloadNext = false

    init(controlFramesPerMinute: Int, metrics: ConnectionMetrics, now: NIODeadline) {
        perMinute = Double(controlFramesPerMinute)
        allowance = perMinute
        at = now
        self.metrics = metrics
        header.reserveCapacity(Self.headerBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: - From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasFailed else { return }
        let now = context.eventLoop.now
        guard count(unwrapInboundIn(data).readableBytesView, now) else {
            hasFailed = true
            return context.fireErrorCaught(Flood())
        }
        let isUnfinished = isInHead || skip > 0 || !header.isEmpty
        unfinishedSince = isUnfinished ? unfinishedSince ?? now : nil
        context.fireChannelRead(data)
    }

    /// - Returns: false if there are too many frames.
    private func count(_ bytes: ByteBufferView, _ now: NIODeadline) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            if skip > 0 {
                let skipped = min(skip, rest.count)
                rest = rest.dropFirst(skipped)
                skip -= skipped
            } else {
                let more = rest.prefix(Self.headerBytes - header.count)
                header += more
                rest = rest.dropFirst(more.count)
                guard header.count == Self.headerBytes else { return true }
                unfinishedSince = isInHead ? unfinishedSince : nil
                guard admits(now) else { return false }
            }
        }
        return true
    }

    /// Takes the header of a frame.
    private func admits(_ now: NIODeadline) -> Bool {
        skip = Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
        let (type, flags) = (header[3], header[4])
        header.removeAll(keepingCapacity: true)
        switch type {
        case FrameType.headers:
            allowance = min(perMinute, allowance + Self.framesPerRequest)
            isInHead = flags & FrameType.endHeaders == 0
        case FrameType.continuation: isInHead = flags & FrameType.endHeaders == 0
        case FrameType.goAway, FrameType.windowUpdate, (FrameType.continuation + 1)...:
            allowance = min(perMinute, allowance + perMinute * (now - at).inMinutes) - 1
            at = now
        default: break
        }
        return allowance >= 0
    }

    // MARK: - To the client

    /// A `GOAWAY` that names the last stream that there can be, so none in particular.
    private static let announcement: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

    /// Asks the client to send no more requests (RFC 9113 §6.8). NIO does not know of it: without any request in progress
    /// it would refuse those that are on their way.
    func announceEnd() {
        context?.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Self.announcement)), promise: nil)
    }

    /// A frame is written whole, except that the bytes of `DATA` come as a buffer of their own.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        if !isPayloadNext { look(at: bytes) } else { isPayloadNext = false }
        context.write(data, promise: promise)
    }

    private func look(at frame: ByteBuffer) {
        let code = frame.readerIndex + Self.headerBytes
        switch frame.getInteger(at: frame.readerIndex + 3, as: UInt8.self) {
        case FrameType.data: isPayloadNext = true
        case FrameType.goAway where frame.getInteger(at: code + 4, as: UInt32.self) != 0: hasFailed = true
        case FrameType.resetStream where frame.getInteger(at: code, as: UInt32.self) != 0: metrics.streamReset()
        default: break
        }
    }
}

extension TimeAmount {
    fileprivate var inMinutes: Double { Double(nanoseconds) / 60e9 }
}
