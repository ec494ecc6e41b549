import NIOCore
import NIOHTTP1

/// Names the codings of an answer's body as the decoder behind it knows them: `x-gzip` is gzip (RFC 9110 §8.4.1.3), and
/// `identity` says nothing.
final class ContentCodings: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private static let name = "Content-Encoding"

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), head.headers.contains(name: Self.name) else {
            return context.fireChannelRead(data)
        }
        let codings = head.headers[canonicalForm: Self.name].map { $0.lowercased() }.filter { $0 != "identity" }
        head.headers.remove(name: Self.name)
        for coding in codings { head.headers.add(name: Self.name, value: coding == "x-gzip" ? "gzip" : coding) }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
