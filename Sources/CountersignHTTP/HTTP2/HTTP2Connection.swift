import NIOCore
import NIOHTTP2

/// One connection of HTTP/2 (RFC 9113) after its TLS handshake: counts its requests and what they hold, ends it when it
/// is idle, floods, or the listener drains. Frames are NIO's work, requests that of ``HTTP2Stream``.
///
/// Nothing is read from a client that does not read, so that what it makes us send stays bounded.
final class HTTP2Connection: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    /// A client may have as many bytes of answers under way before we stop reading.
    private static let unsentBytes = ChannelOptions.Types.WriteBufferWaterMark(low: 16 * 1024, high: 64 * 1024)

    let conductor: RequestConductor
    let place: ConnectionPlace
    let head: HeadLimits
    let times: ConnectionTimes
    let executor: LoopExecutor
    let queue: LoopQueue?
    private let limits: HTTP2Limits
    private let frames: FrameGuard
    private var context: ChannelHandlerContext?
    /// New ones, whose frames wait until all that has arrived is there.
    private var fresh: [HTTP2Stream] = []
    /// Those whose stream or work has not ended.
    private var streams: [ObjectIdentifier: HTTP2Stream] = [:]
    /// How many requests we are working on.
    private var working = 0
    private var heldBytes = 0
    private var lastStream = HTTP2StreamID.rootStream
    private var isReadHeld = false
    private var isDraining = false
    private var closeReason: CloseReason?
    private var idleSince: NIODeadline
    /// Since when the client has not read; nil while it reads.
    private var deafSince: NIODeadline?
    /// Until when requests that are on their way are taken; nil if the connection does not drain.
    private var lastCall: NIODeadline?
    private var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture

    private init(_ handling: HTTP2Handling, _ frames: FrameGuard, _ place: ConnectionPlace, loop: any EventLoop) {
        conductor = handling.conductor
        head = handling.head
        times = handling.times
        queue = handling.queue
        limits = handling.limits
        self.frames = frames
        self.place = place
        executor = LoopExecutor(loop)
        idleSince = loop.now
    }

    /// Adds the handlers to a channel whose handshake has ended.
    static func serve(_ channel: any Channel, _ place: ConnectionPlace, _ handling: HTTP2Handling) throws {
        let loop = channel.eventLoop
        let frames = FrameGuard(
            controlFramesPerMinute: handling.limits.controlFramesPerMinute, metrics: place.metrics, now: loop.now)
        let connection = HTTP2Connection(handling, frames, place, loop: loop)
        let bound = NIOLoopBound(connection, eventLoop: loop)
        try channel.syncOptions?.setOption(.writeBufferWaterMark, value: unsentBytes)
        try channel.pipeline.syncOperations.addHandlers(
            frames,
            NIOHTTP2Handler(
                mode: .server, eventLoop: loop, connectionConfiguration: handling.limits.connection(handling.head),
                streamConfiguration: handling.limits.stream
            ) { stream in
                stream.eventLoop.makeCompletedFuture {
                    try stream.pipeline.syncOperations.addHandler(HTTP2Stream(of: bound.value))
                }
            }, connection)
        place.metrics.agreedOnHTTP2()
    }

    // MARK: - Events of the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        place.isWaiting(since: idleSince)
        if place.isDraining { drain(context) }
        setTimer(context)
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer?.cancel()
        place.closed(closeReason ?? .peer)
        if streams.isEmpty { place.leave() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Frames that are no stream's; NIO has done what they ask for.
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        for stream in fresh { stream.read() }
        fresh = []
        setTimer(context)
        read(context: context)
    }

    /// Also called by streams, for their next bytes.
    func read(context: ChannelHandlerContext) {
        isReadHeld = deafSince != nil || closeReason != nil
        if !isReadHeld { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        deafSince = context.channel.isWritable ? nil : deafSince ?? context.eventLoop.now
        if deafSince == nil, isReadHeld { read(context: context) }
        setTimer(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: lastCall = context.eventLoop.now
        case ConnectionOrder.drain: drain(context)
        case ConnectionOrder.evict where working > 0: drain(context)
        case ConnectionOrder.evict: close(.evicted)
        case ConnectionOrder.end:
            for stream in streams.values { stream.cancel() }
            close(.shutdown)
        default: return
        }
        look(context)
    }

    /// Errors of streams come here as well, and have ended their streams.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is FrameGuard.Flood { goAway(context, after: lastStream, .enhanceYourCalm) }
        if frames.hasFailed { close(.protocolError) }
    }

    // MARK: - Streams

    /// A stream is new. It reads once everything is there that has arrived with its head, its body for most; a stream that
    /// has been reset by then costs nothing.
    func opened(_ stream: HTTP2Stream) { fresh.append(stream) }

    /// Takes up a request.
    /// - Returns: false if there are too many; it then is not acted upon.
    func begin(_ stream: HTTP2Stream, _ identifier: HTTP2StreamID) -> Bool {
        guard closeReason == nil else { return false }
        lastStream = max(lastStream, identifier)
        guard streams.count < limits.streams, heldBytes < limits.bufferBytes,
            lastCall.map({ executor.loop.now < $0 }) ?? true
        else { return false }
        streams[ObjectIdentifier(stream)] = stream
        return true
    }

    /// The stream has ended, and so has our work.
    func end(_ stream: HTTP2Stream) {
        guard streams.removeValue(forKey: ObjectIdentifier(stream)) != nil else { return }
        guard let context else {
            if streams.isEmpty { place.leave() }
            return
        }
        guard streams.isEmpty else { return }
        idleSince = context.eventLoop.now
        look(context)
    }

    /// - Parameter change: +1 when we begin to work on a request or go on with it, -1 when we wait for the client.
    func works(_ change: Int) {
        let wasWorking = working > 0
        working += change
        guard wasWorking != (working > 0) else { return }
        place.isWaiting(since: working > 0 ? nil : executor.loop.now)
    }

    /// Counts bytes that a request holds; negative when it holds them no more.
    func hold(_ bytes: Int) { heldBytes += bytes }

    /// Whether requests hold no more than they may.
    var hasRoom: Bool { heldBytes <= limits.bufferBytes }

    // MARK: - The end

    /// Tells the client to send no more requests, and takes those that are on their way.
    private func drain(_ context: ChannelHandlerContext) {
        guard !isDraining else { return }
        isDraining = true
        lastCall = context.eventLoop.now + ConnectionTimes.lastRequest
        frames.announceEnd()
    }

    private func goAway(_ context: ChannelHandlerContext, after last: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        let payload = HTTP2Frame.FramePayload.goAway(lastStreamID: last, errorCode: code, opaqueData: nil)
        context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: payload)), promise: nil)
    }

    /// Not at once: NIO may be in the middle of reading, and goes on with a channel that must be open.
    private func close(_ reason: CloseReason) {
        guard closeReason == nil, let context else { return }
        closeReason = reason
        timer?.cancel()
        context.eventLoop.assumeIsolated().execute { self.context?.close(reason) }
    }

    // MARK: - The timer

    /// Why the connection has to end, and when; nil while it has only to go on.
    private var nextEnd: (CloseReason, NIODeadline)? {
        var ends: [(CloseReason, NIODeadline)] = []
        if let deafSince { ends.append((.writeTimeout, deafSince + times.request)) }
        if let since = frames.unfinishedSince { ends.append((.headTimeout, since + times.request)) }
        if streams.isEmpty {
            ends.append(lastCall.map { (isDraining ? .draining : .peer, $0) } ?? (.idleTimeout, idleSince + times.idle))
        }
        return ends.min { $0.1 < $1.1 }
    }

    /// Closes the connection if its time has come.
    private func look(_ context: ChannelHandlerContext) {
        guard let (reason, moment) = nextEnd, context.eventLoop.now >= moment else { return setTimer(context) }
        if reason.isPolite { goAway(context, after: lastStream, .noError) }
        close(reason)
    }

    /// As in ``ConnectionHandler``: only an earlier deadline needs a new timer.
    private func setTimer(_ context: ChannelHandlerContext) {
        guard closeReason == nil, let due = nextEnd?.1, due < timerDue else { return }
        timer?.cancel()
        timerDue = due
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            self.timerDue = .distantFuture
            if let context = self.context { self.look(context) }
        }
    }
}

/// What all connections of HTTP/2 at a listener have in common.
struct HTTP2Handling {
    let limits: HTTP2Limits
    let head: HeadLimits
    let times: ConnectionTimes
    let conductor: RequestConductor
    /// Measures how long requests wait; nil for a listener that sheds none.
    let queue: LoopQueue?
}
