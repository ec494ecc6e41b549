import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An issuer's key set endpoint on 127.0.0.1: answers every request as the test says, and counts them.
///
/// Each answer ends its connection, so that a stopped issuer is not reached over an old one.
package final class FakeIssuer: Sendable {
    package enum Answer: Sendable {
        case document([UInt8])
        case status(Int)
        /// 302 with a `Location`.
        case redirect(to: String)
        /// 200, and a body that goes on for as long as anybody reads.
        case endless
        /// 200, and half of the body that its `Content-Length` promises.
        case cutOff
        /// 200, and one byte of the body every few milliseconds, for ever.
        case drip
    }

    private struct State {
        var answer: Answer
        var isHolding = false
        var held: [@Sendable () -> Void] = []
        var requestCount = 0
    }

    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)
    private let scheme: String

    private init(_ answer: Answer, scheme: String) {
        state = Mutex(State(answer: answer))
        self.scheme = scheme
    }

    /// - Parameter port: 0 for a free one.
    package static func start(
        _ answer: Answer, certificate: TestCertificate? = nil, port: Int = 0
    ) async throws -> FakeIssuer {
        let tls = try certificate.map { try NIOSSLContext(configuration: $0.serverConfiguration) }
        let issuer = FakeIssuer(answer, scheme: tls == nil ? "http" : "https")
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(RequestHandler(issuer: issuer))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        issuer.channel.withLock { $0 = channel }
        return issuer
    }

    package func stop() async throws {
        try await channel.withLock(\.self)?.close()
    }

    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }

    package var url: String { "\(scheme)://127.0.0.1:\(port)/certs" }

    /// Those held included.
    package var requestCount: Int { state.withLock(\.requestCount) }

    package func set(_ answer: Answer) {
        state.withLock { $0.answer = answer }
    }

    /// From now on requests wait for ``release()``; each is answered as was set when it arrived.
    package func hold() {
        state.withLock { $0.isHolding = true }
    }

    package func release() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for reply in held { reply() }
    }

    fileprivate func receive(_ reply: @escaping @Sendable (Answer) -> Void) {
        let answer = state.withLock { state -> Answer? in
            state.requestCount += 1
            guard state.isHolding else { return state.answer }
            state.held.append { [answer = state.answer] in reply(answer) }
            return nil
        }
        if let answer { reply(answer) }
    }
}

private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let issuer: FakeIssuer

    init(issuer: FakeIssuer) {
        self.issuer = issuer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let reply = IssuerReply(channel: context.channel)
        issuer.receive { answer in reply.channel.eventLoop.execute { reply.send(answer) } }
    }
}

private struct IssuerReply: Sendable {
    let channel: any Channel

    func send(_ answer: FakeIssuer.Answer) {
        switch answer {
        case .document(let document):
            head(.ok, ["Content-Length": "\(document.count)", "Cache-Control": "no-cache"])
            body(document)
            end()
        case .status(let code):
            head(.init(statusCode: code), ["Content-Length": "6"])
            body(Array("secret".utf8))
            end()
        case .redirect(let target):
            head(.found, ["Location": target, "Content-Length": "0"])
            end()
        case .endless:
            head(.ok, [:])
            pour()
        case .cutOff:
            head(.ok, ["Content-Length": "64"])
            body([UInt8](repeating: 0x20, count: 32))
            channel.close(promise: nil)
        case .drip:
            head(.ok, ["Content-Length": "100000"])
            channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(5)) { task in
                if channel.isActive { body([0x20]) } else { task.cancel() }
            }
        }
    }

    private func head(_ status: HTTPResponseStatus, _ headers: [String: String]) {
        var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
        fields.add(name: "Connection", value: "close")
        channel.write(
            HTTPServerResponsePart.head(.init(version: .http1_1, status: status, headers: fields)), promise: nil)
    }

    private func body(_ bytes: [UInt8]) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
    }

    private func end() {
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }

    private func pour() {
        let piece = ByteBuffer(repeating: 0x20, count: 65_536)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece))).whenSuccess { pour() }
    }
}
