import HTTPTypes
package import NIOCore
package import NIOHTTPTypes

/// Bounds how long a connection may take to send a request, so that slow senders cannot hold connections for ever.
///
/// From its head on a request must be complete within `requestTimeout`; then its body ends in an error, the route
/// answers with a problem, and the connection is closed. Between requests the next head must arrive within `idleTimeout`.
///
/// A request moves the deadline and touches no timer. The one timer of a connection looks at the deadline at least every
/// `requestTimeout`, hence always once before a request is due, and then sets itself to the very moment.
package final class RequestTimeoutHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPRequestPart
    package typealias OutboundIn = HTTPResponsePart
    package typealias OutboundOut = HTTPResponsePart

    package struct TimedOut: Error {}

    private let requestTimeout: TimeAmount
    private let idleTimeout: TimeAmount
    private var isReceiving = false
    private var pendingAnswers = 0
    private var hasTimedOut = false
    private var deadline: NIODeadline = .distantFuture
    private var timer: Scheduled<Void>?

    package init(requestTimeout: TimeAmount, idleTimeout: TimeAmount) {
        self.requestTimeout = requestTimeout
        self.idleTimeout = idleTimeout
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        deadline = context.eventLoop.now + idleTimeout
        schedule(in: context)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            isReceiving = true
            pendingAnswers += 1
            deadline = context.eventLoop.now + requestTimeout
        case .body: break
        case .end:
            isReceiving = false
            beginIdlingIfDone(context)
        }
        context.fireChannelRead(data)
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        pendingAnswers -= 1
        if hasTimedOut {
            context.writeAndFlush(data, promise: promise)
            context.close(promise: nil)
        } else {
            beginIdlingIfDone(context)
            context.write(data, promise: promise)
        }
    }

    private func beginIdlingIfDone(_ context: ChannelHandlerContext) {
        if !isReceiving, pendingAnswers == 0 { deadline = context.eventLoop.now + idleTimeout }
    }

    /// While an answer is being made nothing is due: that has a deadline of its own.
    private var isDeadlineSet: Bool { isReceiving || pendingAnswers == 0 }

    private func schedule(in context: ChannelHandlerContext) {
        let nextLook = context.eventLoop.now + requestTimeout
        timer = context.eventLoop.assumeIsolated().scheduleTask(
            deadline: isDeadlineSet ? min(deadline, nextLook) : nextLook
        ) { self.look(context) }
    }

    private func look(_ context: ChannelHandlerContext) {
        guard isDeadlineSet, context.eventLoop.now >= deadline else { return schedule(in: context) }
        if pendingAnswers > 0 {
            hasTimedOut = true
            context.fireErrorCaught(TimedOut())
        } else {
            context.close(promise: nil)
        }
    }
}
