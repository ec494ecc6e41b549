import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server on 127.0.0.1 that answers as the test says, late if it says so, and remembers what it was asked.
package final class FakeHTTPServer: Sendable {
    package enum Answer: Sendable {
        case whole(status: Int, headers: [String: String], body: [UInt8])
        /// Another one for each request.
        case made(@Sendable () -> Answer)
        /// 200, and a body that goes on for as long as anybody reads.
        case endless
        /// 200, and half of the body that its `Content-Length` promises.
        case cutOff
        /// 200, and one byte of the body every few milliseconds, forever.
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
        package let isHTTP2: Bool

        package func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    package struct Settings: Sendable {
        package var path: String
        /// 0 for a free one.
        package var port: Int
        /// For TLS.
        package var certificate: TestCertificate?
        /// Whether clients must prove themselves by ``certificate`` too.
        package var asksForCertificate = false
        /// Whether clients that speak HTTP/2 may.
        package var offersHTTP2 = false
        /// Whether a connection ends with its first answer, so that a stopped server is not reached over an old one.
        package var closesConnections: Bool

        package init(path: String = "/", port: Int = 0, closesConnections: Bool = false) {
            self.path = path
            self.port = port
            self.closesConnections = closesConnections
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
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    fileprivate let settings: Settings
    private let state: Mutex<State>
    private let channel = Mutex<(any Channel)?>(nil)

    private init(_ answer: Answer, _ settings: Settings) {
        state = Mutex(State(answer: answer))
        self.settings = settings
    }

    package static func start(_ answer: Answer, _ settings: Settings) async throws -> FakeHTTPServer {
        let server = FakeHTTPServer(answer, settings)
        let tls = try settings.certificate.map { try server.tls(of: $0) }
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                server.note(channel)
                return server.configure(channel, tls)
            }
            .bind(host: "127.0.0.1", port: settings.port).get()
        server.channel.withLock { $0 = channel }
        return server
    }

    private func tls(of certificate: TestCertificate) throws -> NIOSSLContext {
        var configuration = try certificate.serverConfiguration
        if settings.asksForCertificate {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(try certificate.certificates)
        }
        configuration.applicationProtocols = settings.offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    private func configure(_ channel: any Channel, _ tls: NIOSSLContext?) -> EventLoopFuture<Void> {
        let addHandler: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(RequestHandler(server: self))
            }
        }
        guard let tls else { return channel.pipeline.configureHTTPServerPipeline().flatMap { addHandler(channel) } }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
        }.flatMap { channel.configureCommonHTTPServerPipeline(addHandler) }
    }

    /// Closes the connections too.
    package func stop() async throws {
        try await channel.withLock(\.self)?.close()
        closeConnections()
    }

    /// New ones are taken.
    package func closeConnections() {
        for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
    }

    package var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }
    package var url: String {
        "\(settings.certificate == nil ? "http" : "https")://127.0.0.1:\(port)\(settings.path)"
    }
    /// Those held included.
    package var requests: [Request] { state.withLock(\.requests) }
    package var requestCount: Int { state.withLock(\.requests.count) }
    /// That ever were.
    package var connectionCount: Int { state.withLock(\.connections) }
    package var openConnectionCount: Int { state.withLock(\.open.count) }
    /// Of bodies without end.
    package var bytesSent: Int { state.withLock(\.bytesSent) }

    package func set(_ answer: Answer) { state.withLock { $0.answer = answer } }

    /// For the next requests, one each.
    package func answerNext(_ answers: Answer...) { state.withLock { $0.next += answers } }

    package func delay(_ duration: Duration) { state.withLock { $0.delay = TimeAmount(duration) } }

    /// From now on requests wait for ``release()``; each is answered as was set when it arrived.
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
        _ request: Request, _ reply: @escaping @Sendable (_ answer: Answer, _ delay: TimeAmount) -> Void
    ) {
        let now = state.withLock { state -> (@Sendable () -> Void)? in
            state.requests.append(request)
            let answer = state.next.isEmpty ? state.answer : state.next.removeFirst()
            let send = { @Sendable [delay = state.delay] in reply(answer, delay) }
            guard state.isHolding else { return send }
            state.held.append(send)
            return nil
        }
        now?()
    }
}

/// Of one connection, or of one stream of HTTP/2.
private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let server: FakeHTTPServer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(server: FakeHTTPServer) {
        self.server = server
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let piece): body += piece.readableBytesView
        case .end:
            guard let head else { return }
            let request = FakeHTTPServer.Request(
                method: head.method.rawValue, uri: head.uri, headers: head.headers.map { ($0.name, $0.value) },
                body: String(decoding: body, as: UTF8.self), isHTTP2: head.version == .http2)
            let reply = Reply(channel: context.channel, server: server, isHTTP2: request.isHTTP2)
            server.receive(request) { answer, delay in
                _ = reply.channel.eventLoop.scheduleTask(in: delay) { reply.send(answer) }
            }
        }
    }
}

private struct Reply: Sendable {
    let channel: any Channel
    let server: FakeHTTPServer
    let isHTTP2: Bool

    func send(_ answer: FakeHTTPServer.Answer) {
        switch answer {
        case .whole(let status, let headers, let bytes):
            head(status, headers.merging(["Content-Length": "\(bytes.count)"]) { $1 })
            body(bytes)
            end()
        case .made(let make): send(make())
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
        case .garbage: writePastHTTP("this is no HTTP, in whatever version\r\n\r\n")
        case .silence: break
        }
    }

    private func head(_ status: Int, _ headers: [String: String]) {
        var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
        if server.settings.closesConnections { fields.add(name: "Connection", value: "close") }
        channel.write(
            HTTPServerResponsePart.head(
                .init(version: .http1_1, status: .init(statusCode: status), headers: fields)), promise: nil)
    }

    private func body(_ bytes: [UInt8]) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))), promise: nil)
    }

    private func end() {
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
            if server.settings.closesConnections { channel.close(promise: nil) }
        }
    }

    private func pour() {
        let piece = ByteBuffer(repeating: 0x20, count: 65_536)
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece))).whenSuccess {
            server.noteSent(65_536)
            pour()
        }
    }

    private func writePastHTTP(_ text: String) {
        let bytes = NIOAny(ByteBuffer(string: text))
        if isHTTP2 {
            let connection = channel.parent?.pipeline.syncOperations
            try? connection?.context(handlerType: NIOSSLServerHandler.self).writeAndFlush(bytes, promise: nil)
        } else {
            let connection = channel.pipeline.syncOperations
            try? connection.context(handlerType: HTTPResponseEncoder.self).writeAndFlush(bytes, promise: nil)
        }
    }
}
