import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An internal service on 127.0.0.1 that issues tokens: answers as the test says, late if it says so, and remembers what
/// it was asked. Connections stay open, as with a real one.
package final class FakeUpstream: Sendable {
    package enum Answer: Sendable {
        /// 200 and a fresh token at `/token`, with the given further members.
        case freshToken(more: String = "")
        case body(String, status: Int = 200, contentType: String? = "application/json", headers: [String: String] = [:])
        /// 302 with a `Location`.
        case redirect(to: String)
        /// 200, and a body that goes on for as long as anybody reads.
        case endless
        /// 200, and half of the body that its `Content-Length` promises.
        case cutOff
        /// 200, and one byte of the body every few milliseconds, for ever.
        case drip
        /// Bytes that are no HTTP.
        case garbage
        /// Nothing at all.
        case silence
    }

    package struct Request: Sendable {
        package let method: String
        package let uri: String
        package let headers: [(name: String, value: String)]
        package let body: String

        package func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    private struct State {
        var answer: Answer
        /// Come before `answer`, each once.
        var next: [Answer] = []
        var delay = TimeAmount.zero
        var isHolding = false
        var held: [@Sendable () -> Void] = []
        var requests: [Request] = []
        var connections = 0
        var bytesSent = 0
        var issued = 0
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)
    private let scheme: String

    private init(_ answer: Answer, scheme: String) {
        state = Mutex(State(answer: answer))
        self.scheme = scheme
    }

    /// - Parameters:
    ///   - asksForCertificate: whether clients must prove themselves by `certificate` too.
    ///   - port: 0 for a free one.
    package static func start(
        _ answer: Answer = .freshToken(), certificate: TestCertificate? = nil, asksForCertificate: Bool = false,
        port: Int = 0
    ) async throws -> FakeUpstream {
        let tls = try certificate.map { certificate in
            var configuration = try certificate.serverConfiguration
            if asksForCertificate {
                configuration.certificateVerification = .noHostnameVerification
                configuration.trustRoots = .certificates(try certificate.certificates)
            }
            return try NIOSSLContext(configuration: configuration)
        }
        let service = FakeUpstream(answer, scheme: tls == nil ? "http" : "https")
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                service.note(channel)
                return channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(UpstreamHandler(service: service))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        service.channel.withLock { $0 = channel }
        return service
    }

    /// Closes the connections too.
    package func stop() async throws {
        try await channel.withLock(\.self)?.close()
        for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
    }

    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    package var url: String { "\(scheme)://127.0.0.1:\(port)/tokens" }
    package var requests: [Request] { state.withLock(\.requests) }
    package var requestCount: Int { state.withLock(\.requests.count) }
    package var connectionCount: Int { state.withLock(\.connections) }
    /// Of bodies without end.
    package var bytesSent: Int { state.withLock(\.bytesSent) }

    package func set(_ answer: Answer) { state.withLock { $0.answer = answer } }

    /// For the next requests, one each.
    package func answerNext(_ answers: Answer...) { state.withLock { $0.next += answers } }

    package func delay(_ duration: Duration) { state.withLock { $0.delay = TimeAmount(duration) } }

    /// From now on requests wait for ``release()``.
    package func hold() { state.withLock { $0.isHolding = true } }

    package func release() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for reply in held { reply() }
    }

    private func note(_ channel: any Channel) {
        let name = ObjectIdentifier(channel)
        state.withLock { state in
            state.connections += 1
            state.open[name] = channel
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.open[name] = nil } }
    }

    fileprivate func noteSent(_ count: Int) { state.withLock { $0.bytesSent += count } }

    fileprivate func receive(
        _ request: Request, _ reply: @escaping @Sendable (_ answer: Answer, _ number: Int, _ delay: TimeAmount) -> Void
    ) {
        let now = state.withLock { state -> (@Sendable () -> Void)? in
            state.requests.append(request)
            state.issued += 1
            let answer = state.next.isEmpty ? state.answer : state.next.removeFirst()
            let (number, delay) = (state.issued, state.delay)
            let send = { @Sendable in reply(answer, number, delay) }
            guard state.isHolding else { return send }
            state.held.append(send)
            return nil
        }
        now?()
    }
}

private final class UpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let service: FakeUpstream
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(service: FakeUpstream) {
        self.service = service
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let piece): body += piece.readableBytesView
        case .end:
            guard let head else { return }
            let request = FakeUpstream.Request(
                method: head.method.rawValue, uri: head.uri, headers: head.headers.map { ($0.name, $0.value) },
                body: String(decoding: body, as: UTF8.self))
            let reply = UpstreamReply(channel: context.channel, service: service)
            service.receive(request) { answer, number, delay in
                _ = reply.channel.eventLoop.scheduleTask(in: delay) { reply.send(answer, number: number) }
            }
        }
    }
}

private struct UpstreamReply: Sendable {
    let channel: any Channel
    let service: FakeUpstream

    func send(_ answer: FakeUpstream.Answer, number: Int) {
        switch answer {
        case .freshToken(let more):
            let token = "up_\(number)_\(UInt64.random(in: .min ... .max))"
            whole(
                200, #"{"token":"\#(token)"\#(more.isEmpty ? "" : ",")\#(more)}"#, ["Content-Type": "application/json"])
        case .body(let text, let status, let contentType, var headers):
            headers["Content-Type"] = contentType
            whole(status, text, headers)
        case .redirect(let target): whole(302, "", ["Location": target])
        case .endless:
            head(200, ["Content-Type": "application/json"])
            pour()
        case .cutOff:
            head(200, ["Content-Type": "application/json", "Content-Length": "64"])
            body([UInt8](repeating: 0x20, count: 32))
            channel.close(promise: nil)
        case .drip:
            head(200, ["Content-Type": "application/json", "Content-Length": "100000"])
            channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .milliseconds(5)) { task in
                if channel.isActive { body([0x20]) } else { task.cancel() }
            }
        case .garbage:
            // Past the HTTP handlers.
            let context = try? channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
            context?.writeAndFlush(NIOAny(ByteBuffer(string: "this is no HTTP\r\n\r\n")), promise: nil)
        case .silence: break
        }
    }

    private func whole(_ status: Int, _ text: String, _ headers: [String: String]) {
        head(status, headers.merging(["Content-Length": "\(text.utf8.count)"]) { $1 })
        body(Array(text.utf8))
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    }

    private func head(_ status: Int, _ headers: [String: String]) {
        channel.write(
            HTTPServerResponsePart.head(
                .init(
                    version: .http1_1, status: .init(statusCode: status),
                    headers: HTTPHeaders(headers.map { ($0.key, $0.value) }))), promise: nil)
    }

    private func body(_ bytes: [UInt8]) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
    }

    private func pour() {
        let piece = ByteBuffer(repeating: 0x20, count: 65_536)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece))).whenSuccess {
            service.noteSent(65_536)
            pour()
        }
    }
}
