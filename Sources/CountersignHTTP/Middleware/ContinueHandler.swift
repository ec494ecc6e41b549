import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Tells clients that ask before they send a body to go on (`Expect: 100-continue`, RFC 9110 §10.1.1); they would wait in vain.
final class ContinueHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var pendingAnswers = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let request) = unwrapInboundIn(data) {
            pendingAnswers += 1
            // Nothing may come between the answers to earlier requests.
            if pendingAnswers == 1, request.headerFields[.expect]?.lowercased() == "100-continue" {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { pendingAnswers -= 1 }
        context.write(data, promise: promise)
    }
}
