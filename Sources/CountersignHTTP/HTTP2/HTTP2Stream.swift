import HTTPTypes
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One request of an HTTP/2 connection and its answer, under the limits and times that a request of HTTP/1.1 has.
///
/// The request runs in a task that begins once what has arrived with its head has been read, and stays on the event loop.
/// A client that resets its stream does not end the work, which counts until it is done.
final class HTTP2Stream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private enum State {
        /// Waits for its head.
        case idle
        /// Has a request that no route has seen yet.
        case asked(HTTP2Head)
        case answer(HTTP2Head)
        /// The client has not read all of the answer yet.
        case writing
        case ended
    }

    private let connection: HTTP2Connection
    private var state = State.idle
    private var context: ChannelHandlerContext?
    /// Whether the connection has said that it may read.
    private var mayRead = false
    private var task: Task<Void, Never>?
    private var isBodyLeftOut = false
    private var isInputOver = false
    private var body: [UInt8] = []
    /// How many bytes of body the route accepts; nil before it asks.
    private var wanted: Int?
    /// Why there will be no body.
    private var bodyFault: HTTPFault?
    private var collector: CheckedContinuation<ConnectionMachine.Body, Never>?
    /// What the connection counts for this request.
    private var heldBytes = 0
    private var timer: Scheduled<Void>?

    init(of connection: HTTP2Connection) {
        self.connection = connection
    }

    // MARK: - Events of the stream

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Reads from now on.
    func read() {
        mayRead = true
        context?.read()
    }

    /// NIO also hands out what nobody has read of a stream that was reset.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard mayRead else { return }
        switch unwrapInboundIn(data) {
        case .headers(let headers):
            if headers.endStream { isInputOver = true }
            if case .idle = state { ask(headers.headers, context) } else { readTrailers(headers.headers, context) }
        case .data(let data):
            if data.endStream { isInputOver = true }
            if case .byteBuffer(let bytes) = data.data { readBody(bytes) }
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .asked(let head) = state { start(head, context) }
        deliver()
        if mayRead, !isInputOver, context.channel.isActive { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        bodyFault = bodyFault ?? .bodyIncomplete
        hand(.refused(.bodyIncomplete))
        if task == nil { leave() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The stream becomes inactive, too.
    }

    /// Ends the work on it, as far as it can be ended.
    func cancel() { task?.cancel() }

    private func leave() {
        state = .ended
        connection.hold(-heldBytes)
        heldBytes = 0
        connection.end(self)
    }

    private func hold(_ bytes: Int) {
        heldBytes += bytes
        connection.hold(bytes)
    }

    // MARK: - The request

    private func ask(_ block: HPACKHeaders, _ context: ChannelHandlerContext) {
        guard connection.begin(self, identifier(context)) else { return refuse(context) }
        do throws(HTTPFault) {
            let head = try HTTP2HeadDraft.head(block, connection.head, allocator: context.channel.allocator)
            hold(head.byteCount)
            state = .asked(head)
        } catch {
            write(connection.conductor.refuse(error, from: connection.place.peer), context)
        }
    }

    private func identifier(_ context: ChannelHandlerContext) -> HTTP2StreamID {
        (try? context.channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID)) ?? .rootStream
    }

    /// Tells the client that nothing was done, so that it may send the request again (RFC 9113 §8.7).
    private func refuse(_ context: ChannelHandlerContext) {
        state = .ended
        bodyFault = .bodyIncomplete
        context.writeAndFlush(wrapOutboundOut(.rstStream(.refusedStream)), promise: nil)
    }

    private func start(_ head: HTTP2Head, _ context: ChannelHandlerContext) {
        state = .answer(head)
        isBodyLeftOut = head.request.method == .head
        connection.works(1)
        let stream = NIOLoopBound(self, eventLoop: context.eventLoop)
        let conductor = connection.conductor
        let request = conductor.request(
            head.request, from: connection.place.peer, delay: connection.queue?.requestBegins() ?? .none,
            body: StreamBody(stream: stream))
        let task = Task.immediate(executorPreference: connection.executor) {
            let reply = await conductor.answer(request)
            stream.value.finish(reply)
        }
        guard case .answer = state else { return }
        self.task = task
        if timer == nil { setTimer(ConnectionTimes.answer) }
    }

    private func finish(_ reply: Reply) {
        task = nil
        connection.works(-1)
        guard let context, context.channel.isActive, case .answer = state else { return leave() }
        write(reply, context)
    }

    // MARK: - The body

    private func readBody(_ bytes: ByteBuffer) {
        guard bodyFault == nil, bytes.readableBytes > 0, body.count <= wanted ?? .max else { return }
        switch state {
        case .asked, .answer: break
        case .idle, .writing, .ended: return
        }
        body.append(contentsOf: bytes.readableBytesView)
        hold(bytes.readableBytes)
        guard !connection.hasRoom, let context else { return }
        body = []
        refuse(context)
        hand(.refused(.bodyIncomplete))
    }

    private func readTrailers(_ block: HPACKHeaders, _ context: ChannelHandlerContext) {
        bodyFault =
            bodyFault
            ?? HTTP2HeadDraft.fault(inTrailers: block, connection.head, allocator: context.channel.allocator)
    }

    /// The body as far as it is known by now; nil if it has to be waited for.
    fileprivate func arrived(upTo limit: Int) -> ConnectionMachine.Body? {
        guard case .answer(let head) = state else { return .refused(bodyFault ?? .bodyIncomplete) }
        wanted = limit
        if let bodyFault { return .refused(bodyFault) }
        if body.count > limit || head.contentLength ?? 0 > limit { return .tooLarge }
        guard isInputOver else { return nil }
        defer { body = [] }
        return .content(body)
    }

    fileprivate func collect() async -> ConnectionMachine.Body {
        await withCheckedContinuation { continuation in
            guard let context, case .answer(let head) = state else {
                return continuation.resume(returning: .refused(.bodyIncomplete))
            }
            collector = continuation
            connection.works(-1)
            setTimer(connection.times.request)
            if head.expectsContinue, body.isEmpty {
                context.writeAndFlush(
                    wrapOutboundOut(.headers(.init(headers: [":status": "100"]))), promise: nil)
            }
        }
    }

    /// Hands the body to the route that waits for it.
    private func deliver() {
        guard collector != nil, let limit = wanted, let body = arrived(upTo: limit) else { return }
        hand(body)
    }

    private func hand(_ body: ConnectionMachine.Body) {
        guard let collector = collector.take() else { return }
        connection.works(1)
        setTimer(ConnectionTimes.answer)
        collector.resume(returning: body)
    }

    // MARK: - The answer

    private func write(_ reply: Reply, _ context: ChannelHandlerContext) {
        state = .writing
        body = []
        var headers = HPACKHeaders()
        headers.reserveCapacity(reply.headers.count + 4)
        headers.add(name: ":status", value: String(reply.status.code))
        for field in reply.headers { headers.add(name: field.name.canonicalName, value: field.value) }
        headers.add(name: HTTPField.Name.requestID.canonicalName, value: reply.stamp.requestID)
        headers.add(name: "date", value: reply.stamp.date)
        if AnswerWriter.hasLength(reply.status) {
            headers.add(name: "content-length", value: String(reply.body.count))
        }
        let hasBody = !isBodyLeftOut && !reply.body.isEmpty
        let written = context.eventLoop.makePromise(of: Void.self)
        let head = HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: !hasBody))
        context.write(wrapOutboundOut(head), promise: hasBody ? nil : written)
        if hasBody {
            hold(reply.body.count)
            let bytes = context.channel.allocator.buffer(bytes: reply.body)
            let data = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(bytes), endStream: true))
            context.write(wrapOutboundOut(data), promise: written)
        }
        let stream = NIOLoopBound(self, eventLoop: context.eventLoop)
        written.futureResult.whenSuccess { stream.value.wrote() }
        context.flush()
        if case .writing = state, self.context != nil { setTimer(connection.times.request) }
    }

    /// The kernel has the whole answer.
    private func wrote() {
        guard case .writing = state, let context else { return }
        timer?.cancel()
        state = .ended
        // RFC 9113 §8.1: the rest of the request is not needed.
        if !isInputOver { context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil) }
    }

    // MARK: - The timer

    private func setTimer(_ time: TimeAmount) {
        guard let context else { return }
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { self.timePassed() }
    }

    private func timePassed() {
        guard let context else { return }
        if collector != nil {
            bodyFault = .bodyIncomplete
            hand(.refused(.bodyIncomplete))
        } else {
            // The client does not read the answer, or a route hangs because of a defect.
            context.close(promise: nil)
        }
    }
}

/// The body of a stream's request.
private struct StreamBody: RequestBody {
    let stream: NIOLoopBound<HTTP2Stream>

    func arrived(upTo limit: Int) throws(Problem) -> [UInt8]? { try stream.value.arrived(upTo: limit)?.bytes() }

    func collect(upTo limit: Int) async throws(Problem) -> [UInt8] {
        if let arrived = try arrived(upTo: limit) { return arrived }
        return try await stream.value.collect().bytes()
    }
}
