import NIOCore
import NIOTLS

/// Waits for a TLS handshake, and removes itself once it has succeeded.
final class TLSHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    /// The application protocol that was agreed on; nil for none.
    private let completed: EventLoopPromise<String?>

    /// `completed` fails if the connection ends before the handshake does.
    init(_ completed: EventLoopPromise<String?>) {
        self.completed = completed
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted(let negotiated) = event else {
            return context.fireUserInboundEventTriggered(event)
        }
        completed.completeWith(context.pipeline.syncOperations.removeHandler(self).map { negotiated })
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { completed.fail(error) }

    func channelInactive(context: ChannelHandlerContext) {
        completed.fail(OutboundFault.closed)
        context.fireChannelInactive()
    }
}
