import NIOCore

/// Bounds everything in an answer that is not its body, while it arrives: the decoder behind it would go on buffering a
/// status line, the blanks before a header's value, or a chunk's extension without end.
final class AnswerGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// For each byte of a body; a chunk of a single one needs six.
    private static let longestFraming = 8

    private let limit: Int
    private let answers: AnswerHandler

    /// `limit` is for the bytes of a head, and `answers` the handler that knows where the head ends.
    init(_ limit: Int, before answers: AnswerHandler) {
        self.limit = limit
        self.answers = answers
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if answers.awaitsHead {
            let room = min(limit - answers.received, bytes.readableBytes)
            if let piece = bytes.readSlice(length: room) { pass(piece, context) }
            // The head goes on beyond its limit.
            if answers.awaitsHead, bytes.readableBytes > 0 { return refuse(context) }
        }
        pass(bytes, context)
        if answers.received > limit + Self.longestFraming * answers.bodyCount { refuse(context) }
    }

    private func pass(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard bytes.readableBytes > 0 else { return }
        answers.countReceived(bytes.readableBytes)
        context.fireChannelRead(wrapInboundOut(bytes))
    }

    private func refuse(_ context: ChannelHandlerContext) {
        context.fireErrorCaught(OutboundFault.headTooLarge(limit))
    }
}
