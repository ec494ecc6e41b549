import HTTPTypes
package import NIOCore
import NIOSSL
import NIOTLS

/// Carries out what ``ConnectionMachine`` decides: reads and writes bytes, runs the connection's one timer, and has
/// requests answered.
///
/// A request runs in a task on the connection's event loop. It starts within the event that brought its head, and a
/// route that never waits also ends within that event.
package final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private var machine: ConnectionMachine
    private let times: ConnectionTimes
    private let conductor: RequestConductor
    private let place: ConnectionPlace
    private let executor: LoopExecutor
    private let onHTTP2: ((any Channel, ConnectionPlace) throws -> Void)?
    private var isHandedOver = false
    private let handshakes: HandshakeLog?
    private let queue: LoopQueue?
    private var context: ChannelHandlerContext?
    /// Runs the request that is being answered.
    private var task: Task<Void, Never>?
    private var isBodyLeftOut = false
    /// Resumes a route that waits for its request's body.
    private var collector: CheckedContinuation<ConnectionMachine.Body, Never>?
    private var closeReason = CloseReason.peer
    private var isProceeding = false
    private var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture

    /// - Parameters:
    ///   - isSecure: whether a TLS handshake comes first.
    ///   - place: given up when the connection and its request have ended.
    ///   - queue: measures how long requests wait; nil for a listener that sheds none.
    ///   - handshakes: tells of those that fail; nil if nobody needs to know.
    ///   - onHTTP2: takes over a connection and its place if the handshake has agreed on HTTP/2; nil if it never does.
    package init(
        limits: HeadLimits, times: ConnectionTimes, isSecure: Bool, conductor: RequestConductor,
        place: ConnectionPlace, loop: any EventLoop, queue: LoopQueue? = nil,
        handshakes: HandshakeLog? = nil, onHTTP2: ((any Channel, ConnectionPlace) throws -> Void)? = nil
    ) {
        self.onHTTP2 = onHTTP2
        self.handshakes = handshakes
        machine = ConnectionMachine(limits: limits, times: times, isSecure: isSecure, now: loop.now)
        self.times = times
        self.conductor = conductor
        self.place = place
        executor = LoopExecutor(loop)
        self.queue = queue
    }

    // MARK: - Events of the channel

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if place.isDraining { machine.drain(context.eventLoop.now) }
    }

    /// Called for every connection, also for one that ends before it is active.
    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        if isHandedOver { return }
        place.closed(closeReason)
        if task == nil { place.leave() }
    }

    package func channelActive(context: ChannelHandlerContext) { proceed() }

    /// Acts here and not in `channelReadComplete`: when NIO finds that the peer has closed its side, it goes on after
    /// that call with a channel that must still be open.
    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        machine.received(unwrapInboundIn(data))
        proceed()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        // Within ``write(_:_:)``, which looks afterwards.
        if isProceeding { return }
        machine.wrote(isDone: context.channel.isWritable, context.eventLoop.now)
        proceed()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        machine.disconnected()
        timer?.cancel()
        collector.take()?.resume(returning: .refused(.bodyIncomplete))
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: machine.inputClosed()
        case TLSUserEvent.handshakeCompleted("h2") where onHTTP2 != nil: return handOver(context)
        case TLSUserEvent.handshakeCompleted: machine.handshakeCompleted(context.eventLoop.now)
        case ConnectionOrder.drain: machine.drain(context.eventLoop.now)
        case ConnectionOrder.evict where machine.waitingSince == nil: machine.drain(context.eventLoop.now)
        case ConnectionOrder.evict: machine.abandon(.evicted)
        case ConnectionOrder.end:
            task?.cancel()
            machine.abandon(.shutdown)
        default: return
        }
        proceed()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The peer closed without saying so in TLS. That is harmless, because all our messages have a known length.
        if case NIOSSLError.uncleanShutdown = error { return }
        let isHandshake = machine.state == .handshake
        if isHandshake { handshakes?.failed(error, from: place.peer, now: context.eventLoop.now) }
        machine.abandon(isHandshake ? .handshakeFailed : .peer)
        proceed()
    }

    private func handOver(_ context: ChannelHandlerContext) {
        do {
            try onHTTP2?(context.channel, place)
            isHandedOver = true
            timer?.cancel()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        } catch {
            machine.abandon(.handshakeFailed)
            proceed()
        }
    }

    // MARK: - Actions

    private func proceed() {
        guard let context, !isProceeding else { return }
        isProceeding = true
        while perform(machine.next(context.eventLoop.now), context) {}
        isProceeding = false
        place.isWaiting(since: machine.waitingSince)
        setTimer(context)
        if machine.wantsToRead { context.read() }
    }

    /// - Returns: false if there is nothing more to do in this turn.
    private func perform(_ action: ConnectionMachine.Action, _ context: ChannelHandlerContext) -> Bool {
        switch action {
        case .none: return false
        case .start(let head):
            start(head, context)
            return !yieldsToOthers(context)
        case .refuse(let fault):
            isBodyLeftOut = false
            write(conductor.refuse(fault, from: place.peer), context)
        case .sendContinue: context.writeAndFlush(wrapOutboundOut(AnswerWriter.interim), promise: nil)
        case .deliver(let body): collector.take()?.resume(returning: body)
        case .closeOutput(let reason):
            // The channel ends by itself once the peer has closed its side as well.
            closeReason = reason
            context.close(mode: .output, promise: nil)
        case .close(let reason): close(reason, context)
        }
        return true
    }

    /// A client that sends many requests ahead gets one answer in each turn of the event loop, as other clients do.
    private func yieldsToOthers(_ context: ChannelHandlerContext) -> Bool {
        guard machine.isNextAhead else { return false }
        context.eventLoop.assumeIsolated().execute { self.proceed() }
        return true
    }

    private func start(_ head: RequestHead, _ context: ChannelHandlerContext) {
        isBodyLeftOut = head.method == .head
        place.isWaiting(since: nil)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let conductor = conductor
        let request = conductor.request(
            head, from: place.peer, delay: queue?.requestBegins() ?? .none,
            body: ConnectionBody(handler: handler))
        let task = Task.immediate(executorPreference: executor) {
            let reply = await conductor.answer(request)
            handler.value.finish(reply)
        }
        // A route that never waited has been answered by now.
        if machine.state == .answer { self.task = task }
    }

    private func finish(_ reply: Reply) {
        task = nil
        // A client that hangs up keeps its place until its request is done, because it is the work that costs.
        guard let context, context.channel.isActive else { return place.leave() }
        guard machine.state == .answer else { return }
        write(reply, context)
        proceed()
    }

    private func write(_ reply: Reply, _ context: ChannelHandlerContext) {
        let wasProceeding = isProceeding
        // Events that writing causes are handled after it.
        isProceeding = true
        defer { isProceeding = wasProceeding }
        let head = AnswerWriter.head(of: reply, machine.answered(context.eventLoop.now))
        var bytes = context.channel.allocator.buffer(capacity: head.count + reply.body.count)
        bytes.writeBytes(head)
        if !isBodyLeftOut { bytes.writeBytes(reply.body) }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        machine.wrote(isDone: context.channel.isWritable, context.eventLoop.now)
    }

    private func close(_ reason: CloseReason, _ context: ChannelHandlerContext) {
        closeReason = reason
        timer?.cancel()
        context.close(reason)
    }

    // MARK: - The timer

    /// A deadline that moves does not reset the timer, which fires at least once per request timeout and then sets
    /// itself to the exact deadline. Only an earlier deadline needs a new timer.
    private func setTimer(_ context: ChannelHandlerContext) {
        guard machine.state != .closed else { return }
        let due = min(machine.deadline, context.eventLoop.now + times.request)
        guard due < timerDue else { return }
        timer?.cancel()
        timerDue = due
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.look() }
    }

    private func look() {
        guard let context else { return }
        timerDue = .distantFuture
        machine.timePassed(context.eventLoop.now)
        proceed()
    }
}

/// The body of the request that a connection is answering.
private struct ConnectionBody: RequestBody {
    let handler: NIOLoopBound<ConnectionHandler>

    func arrived(upTo limit: Int) throws(Problem) -> [UInt8]? {
        try handler.value.arrived(upTo: limit)?.bytes()
    }

    func collect(upTo limit: Int) async throws(Problem) -> [UInt8] {
        if let arrived = try arrived(upTo: limit) { return arrived }
        return try await handler.value.body().bytes()
    }
}

extension ConnectionMachine.Body {
    /// - Throws: why there is none.
    func bytes() throws(Problem) -> [UInt8] {
        switch self {
        case .content(let bytes): return bytes
        case .tooLarge: throw Problem(.bodyTooLarge)
        case .refused(let fault): throw Problem(fault)
        }
    }
}

extension ConnectionHandler {
    /// The body of the request in progress. Nil until all of it has arrived; then ``body()`` waits for it.
    fileprivate func arrived(upTo limit: Int) -> ConnectionMachine.Body? {
        guard let context, machine.state == .answer else { return .refused(.bodyIncomplete) }
        return machine.collect(upTo: limit, context.eventLoop.now)
    }

    fileprivate func body() async -> ConnectionMachine.Body {
        await withCheckedContinuation { continuation in
            guard machine.state == .answer else { return continuation.resume(returning: .refused(.bodyIncomplete)) }
            collector = continuation
            proceed()
        }
    }
}
