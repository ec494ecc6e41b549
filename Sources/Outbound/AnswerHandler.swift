import NIOCore
import NIOHTTP1
import NIOHTTP2

/// Sends one request at a time and collects its answer: on a connection of HTTP/1.1, or on a stream of HTTP/2.
final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// A whole answer, and what its connection may still be used for.
    struct Outcome: Sendable {
        let answer: OutboundAnswer
        /// Whether the connection may carry another request.
        let isReusable: Bool
        /// For how long the server keeps an idle connection; nil if it does not say.
        let keptFor: TimeAmount?
    }

    private struct Call {
        var answer: AnswerInProgress
        let promise: EventLoopPromise<Outcome>
        /// Whether the server may have all of the head.
        var isSent = false
        var isWritten = false
        /// Bytes of the answer, as they came; HTTP/1.1 only.
        var received = 0
    }

    private let limits: AnswerLimits
    private let isLeftOut: ((HTTP2StreamID) -> Bool)?
    private var call: Call?
    private var context: ChannelHandlerContext?
    private var isClosed = false

    /// - Parameter isLeftOut: whether the server has said that it will not act upon a stream; nil for a connection of HTTP/1.1.
    init(_ limits: AnswerLimits, isLeftOut: ((HTTP2StreamID) -> Bool)? = nil) {
        self.limits = limits
        self.isLeftOut = isLeftOut
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Writes the request; `promise` is completed once, whatever happens. On the event loop.
    func begin(_ request: OutboundRequest, _ promise: EventLoopPromise<Outcome>) {
        guard let context, !isClosed else { return promise.fail(OutboundFault.notActedUpon) }
        call = Call(answer: AnswerInProgress(limits), promise: promise)
        let head = HTTPRequestHead(
            version: .http1_1, method: request.method, uri: request.target, headers: request.headers)
        context.write(wrapOutboundOut(.head(head))).assumeIsolated().whenSuccess { self.call?.isSent = true }
        if let body = request.body {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenSuccess { self.call?.isWritten = true }
    }

    // MARK: What the guard before the decoder asks and tells

    /// Whether the head that counts is still to come.
    var awaitsHead: Bool { call.map { !$0.answer.hasHead } ?? false }
    /// Bytes of the present answer, as they came.
    var received: Int { call?.received ?? 0 }
    /// Bytes of its body, decoded.
    var bodyCount: Int { call?.answer.bodyCount ?? 0 }

    /// To be called before the bytes are passed on.
    func countReceived(_ count: Int) { call?.received += count }

    // MARK: What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do throws(OutboundFault) {
            guard let answer = try call?.answer.receive(unwrapInboundIn(data)), let call else { return }
            self.call = nil
            call.promise.succeed(
                Outcome(
                    answer: answer, isReusable: isLeftOut != nil || call.isWritten && call.answer.keepsConnection,
                    keptFor: call.answer.keptFor))
        } catch { fail(error, context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let closed = error as? NIOHTTP2Errors.StreamClosed, isLeftOut?(closed.streamID) == true {
            return fail(.notActedUpon, context)
        }
        fail(OutboundFault(error, headBytes: limits.headBytes), context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        fail(.closed, context)
    }

    /// Ends the connection, or the stream.
    private func fail(_ fault: OutboundFault, _ context: ChannelHandlerContext) {
        if let call {
            self.call = nil
            let isUnanswered = fault == .closed && call.received == 0 && call.answer.isEmpty
            let unanswered = call.isSent ? OutboundFault(.unanswered, fault.cause) : .notActedUpon
            call.promise.fail(isUnanswered ? unanswered : fault)
        }
        if !isClosed { context.close(promise: nil) }
    }
}
