import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOHTTPCompression
import NIOPosix
import Synchronization

/// An open connection to one server, ready for calls: one at a time over HTTP/1.1, many over HTTP/2.
final class OutboundConnection: Sendable {
    private enum Wire: Sendable {
        case http1(NIOLoopBound<AnswerHandler>)
        case http2(NIOHTTP2Handler.StreamMultiplexer)
    }

    let origin: OutboundOrigin
    let channel: any Channel
    private let wire: Wire
    private let limits: AnswerLimits
    private let isRetired = Atomic(false)
    /// What all calls over it have ended with.
    private let fault = Mutex<OutboundFault?>(nil)
    /// The last stream that the server acts upon; nil as long as it acts upon all.
    private let lastStream = Mutex<HTTP2StreamID?>(nil)

    /// Adds the handlers; on the channel's event loop.
    init(http1 channel: any Channel, to origin: OutboundOrigin, _ limits: AnswerLimits) throws {
        let answers = AnswerHandler(limits)
        let sync = channel.pipeline.syncOperations
        try sync.addHandler(AnswerGuard(limits.headBytes, before: answers))
        try sync.addHandler(HTTPRequestEncoder())
        try sync.addHandler(ByteToMessageHandler(HTTPResponseDecoder(informationalResponseStrategy: .forward)))
        try sync.addHandler(ContentCodings())
        try sync.addHandler(NIOHTTPResponseDecompressor(limit: .ratio(AnswerLimits.expansion)))
        try sync.addHandler(answers)
        wire = .http1(NIOLoopBound(answers, eventLoop: channel.eventLoop))
        (self.origin, self.channel, self.limits) = (origin, channel, limits)
    }

    /// Adds the handlers; on the channel's event loop.
    init(http2 channel: any Channel, to origin: OutboundOrigin, _ limits: AnswerLimits) throws {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headBytes),
        ]
        let multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: configuration, streamConfiguration: .init()
        ) { $0.close() }
        wire = .http2(multiplexer)
        (self.origin, self.channel, self.limits) = (origin, channel, limits)
        try channel.pipeline.syncOperations.addHandler(GoAwayHandler(of: self))
    }

    /// Calls that it may carry at once.
    var capacity: Int {
        switch wire {
        case .http1: 1
        case .http2: 100
        }
    }

    /// Whether another call may be tried on it.
    var isUsable: Bool { channel.isActive && !isRetired.load(ordering: .relaxed) }

    /// No call begins on it any more.
    func retire() { isRetired.store(true, ordering: .relaxed) }

    /// Ends the calls that are under way.
    func close() { channel.close(promise: nil) }

    /// A caller that is cancelled ends the call at once, and a connection of HTTP/1.1 with it.
    func outcome(of request: OutboundRequest) async throws(OutboundFault) -> AnswerHandler.Outcome {
        let promise = channel.eventLoop.makePromise(of: AnswerHandler.Outcome.self)
        let call: EventLoopFuture<any Channel>
        switch wire {
        case .http1(let answers):
            call = channel.eventLoop.makeSucceededFuture(channel)
            answers.execute { $0.begin(request, promise) }
        case .http2(let multiplexer):
            call = stream(of: multiplexer, for: request, promise)
        }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                call.whenSuccess { $0.close(promise: nil) }
            }
        } catch { throw fault.withLock(\.self) ?? OutboundFault(error, headBytes: limits.headBytes) }
    }

    fileprivate func fail(_ error: any Error) {
        retire()
        let fault = OutboundFault(error, headBytes: limits.headBytes)
        // A mere end is for each call to judge; what comes after a fault follows from it.
        if fault != .closed { self.fault.withLock { $0 = $0 ?? fault } }
        close()
    }

    fileprivate func endsAfter(_ stream: HTTP2StreamID) {
        retire()
        lastStream.withLock { $0 = stream }
    }

    private func isLeftOut(_ stream: HTTP2StreamID) -> Bool {
        lastStream.withLock { $0.map { stream > $0 } ?? false }
    }

    private func stream(
        of multiplexer: NIOHTTP2Handler.StreamMultiplexer, for request: OutboundRequest,
        _ promise: EventLoopPromise<AnswerHandler.Outcome>
    ) -> EventLoopFuture<any Channel> {
        let stream = multiplexer.createStreamChannel { [self, limits] stream in
            stream.eventLoop.makeCompletedFuture {
                let answers = AnswerHandler(limits, isLeftOut: self.isLeftOut)
                let sync = stream.pipeline.syncOperations
                try sync.addHandler(HTTP2FramePayloadToHTTP1ClientCodec(httpProtocol: .https))
                try sync.addHandler(ContentCodings())
                try sync.addHandler(NIOHTTPResponseDecompressor(limit: .ratio(AnswerLimits.expansion)))
                try sync.addHandler(answers)
                answers.begin(request, promise)
            }
        }
        stream.whenFailure { _ in promise.fail(OutboundFault.notActedUpon) }
        return stream
    }
}

extension NIOLoopBound {
    fileprivate func execute(_ work: @escaping @Sendable (Value) -> Void) {
        eventLoop.execute { work(self.value) }
    }
}

/// Takes a connection of HTTP/2 out of use when the server announces its end, and ends it when it fails.
private final class GoAwayHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let connection: OutboundConnection

    init(of connection: OutboundConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .goAway(let last, _, _) = unwrapInboundIn(data).payload { connection.endsAfter(last) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !(error is NIOHTTP2Errors.StreamError) { connection.fail(error) }
    }
}
