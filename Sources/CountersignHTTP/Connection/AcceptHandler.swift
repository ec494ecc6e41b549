import Logging
import NIOCore

/// Stops a listening socket from accepting while too many connections are open (a connection that is turned away also
/// needs a descriptor until it is closed), and counts connections that could not be accepted.
///
/// After an error caused by missing descriptors or memory, NIO itself stops accepting for a second.
final class AcceptHandler: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    /// How many connections may be in the process of being turned away.
    static let excess = 8

    private let limit: Int
    private let metrics: ConnectionMetrics
    private let logger: Logger
    private var openCount = 0
    private var isReadHeld = false
    private var hasLogged = false

    /// - Parameter connections: how many may be open, without those being turned away.
    init(connections: Int, metrics: ConnectionMetrics, logger: Logger) {
        limit = connections + Self.excess
        self.metrics = metrics
        self.logger = logger
    }

    func read(context: ChannelHandlerContext) {
        isReadHeld = openCount >= limit
        if !isReadHeld { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        openCount += 1
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).whenComplete { _ in
            let (handler, context) = bound.value
            handler.connectionClosed(context)
        }
        context.fireChannelRead(data)
    }

    private func connectionClosed(_ context: ChannelHandlerContext) {
        openCount -= 1
        if isReadHeld, openCount < limit {
            isReadHeld = false
            context.read()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        metrics.acceptFailed()
        if !hasLogged {
            hasLogged = true
            logger.warning(
                "a connection could not be accepted; the metrics count those after it",
                metadata: ["cause": .string("\((error as? IOError)?.errnoCode ?? 0)")])
        }
        context.fireErrorCaught(error)
    }
}
