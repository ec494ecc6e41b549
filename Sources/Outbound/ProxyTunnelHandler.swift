import NIOCore

/// Asks a proxy for a tunnel, and removes itself once there is one. It reads bytes itself, as what follows the answer's
/// head is no HTTP of the proxy's.
final class ProxyTunnelHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Of the proxy's answer, which has nothing to say but a status.
    static let headLimit = 16_384

    private let request: ByteBuffer
    private let opened: EventLoopPromise<Void>
    private var head: [UInt8] = []
    private var isDone = false

    /// - Parameter authorization: the value of `Proxy-Authorization`.
    init(to origin: OutboundOrigin, authorization: String?, opened: EventLoopPromise<Void>) {
        let host = origin.host.contains(":") ? "[\(origin.host)]" : origin.host
        let target = "\(host):\(origin.port)"
        let fields =
            "User-Agent: \(BuildInformation.userAgent)\r\n"
            + (authorization.map { "Proxy-Authorization: \($0)\r\n" } ?? "")
        request = ByteBuffer(string: "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\(fields)\r\n")
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        let known = max(head.count - 3, 0)
        head += unwrapInboundIn(data).readableBytesView.prefix(Self.headLimit + 1 - head.count)
        guard let end = head[known...].firstRange(of: Array("\r\n\r\n".utf8)) else {
            if head.count > Self.headLimit { fail("a head of more than \(Self.headLimit) bytes") }
            return
        }
        guard let status = status else { return fail("no valid HTTP") }
        guard (200..<300).contains(status) else { return fail("status \(status)") }
        guard end.upperBound == head.endIndex else { return fail("more than an answer to CONNECT") }
        isDone = true
        opened.completeWith(context.pipeline.syncOperations.removeHandler(self))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(OutboundFault(error, headBytes: Self.headLimit).cause)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail("connection closed early")
        context.fireChannelInactive()
    }

    /// Of `HTTP/1.1 200 …`; nil for anything else.
    private var status: Int? {
        let words = head.prefix { $0 != UInt8(ascii: "\r") }.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard words.count >= 2, words[0].starts(with: "HTTP/1.".utf8), words[1].count == 3 else { return nil }
        return Int(String(decoding: words[1], as: UTF8.self))
    }

    private func fail(_ cause: String) {
        isDone = true
        opened.fail(OutboundFault(.broken, cause))
    }
}
