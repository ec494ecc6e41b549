import Glibc
package import Logging
import NIOCore
package import NIOPosix
package import NIOSSL
import ServiceLifecycle
import Synchronization
import TokenExchange

/// One listening socket with its routes.
///
/// This target is the HTTP server and everything that knows HTTP. A connection is a ``ConnectionMachine``, which
/// does no I/O, and a ``ConnectionHandler``, which moves its bytes (`Connection/`); with TLS it may agree on HTTP/2 and
/// become an ``HTTP2Connection`` (`HTTP2/`). A request goes from there to
/// ``RequestConductor``, which gives it its id, log line and metrics (`Middleware/`), and on to a table of endpoints
/// (`Routes/`), which call use cases of the domain. Whatever goes wrong is a ``Problem``; statuses, codes and sentences
/// are in `Wire/`, and the allowances of sources in `Limits/`.
package final class HTTPListener: Service {
    /// Where to listen, and what a connection may cost.
    package struct Settings: Sendable {
        package let host: String
        /// 0: any free port; `onListening` is told which.
        package let port: Int
        /// The certificates to begin with; nil: plain HTTP.
        package let tls: NIOSSLContext?
        /// Whether a client must show a certificate; those that are refused for theirs are then logged.
        package let asksForCertificate: Bool
        package let limits: ConnectionGate.Limits
        package let head: HeadLimits
        package let http2: HTTP2Limits
        /// How long a request may take to arrive, and its sender to read the answer.
        package let requestTimeout: Duration
        /// From one answer to the next request on a connection.
        package let idleTimeout: Duration

        /// The defaults are those of the configuration.
        package init(
            host: String, port: Int, tls: NIOSSLContext? = nil, asksForCertificate: Bool = false,
            limits: ConnectionGate.Limits,
            head: HeadLimits = HeadLimits(), http2: HTTP2Limits = HTTP2Limits(),
            requestTimeout: Duration = .seconds(10),
            idleTimeout: Duration = .seconds(75)
        ) {
            self.host = host
            self.port = port
            self.tls = tls
            self.asksForCertificate = asksForCertificate
            self.limits = limits
            self.head = head
            self.http2 = http2
            self.requestTimeout = requestTimeout
            self.idleTimeout = idleTimeout
        }
    }

    private struct State {
        var channel: (any Channel)?
        var isDraining = false
    }

    private let settings: Settings
    private let tls: Mutex<NIOSSLContext?>
    private let conductor: RequestConductor
    private let metrics: ConnectionMetrics
    private let logger: Logger
    private let onListening: @Sendable (Int) -> Void
    private let gate: ConnectionGate
    private let admission: AdmissionControl?
    private let queues = Mutex<[ObjectIdentifier: NIOLoopBound<LoopQueue>]>([:])
    private let group: MultiThreadedEventLoopGroup
    private let ended: EventLoopPromise<Void>
    private let state = Mutex(State())
    private let hasToldOfSource = Atomic(false)
    private let handshakes: HandshakeLog?

    /// - Parameters:
    ///   - admission: knows how long requests may wait; nil for a listener that sheds none.
    ///   - group: runs its connections and their requests.
    ///   - onListening: called once with the port.
    package init(
        _ settings: Settings, conductor: RequestConductor, admission: AdmissionControl? = nil,
        metrics: ConnectionMetrics, logger: Logger, group: MultiThreadedEventLoopGroup = .singleton,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.settings = settings
        tls = Mutex(settings.tls)
        self.conductor = conductor
        self.admission = admission
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
        self.group = group
        gate = ConnectionGate(settings.limits, metrics: metrics)
        handshakes = settings.asksForCertificate ? HandshakeLog(logger) : nil
        ended = group.next().makePromise()
    }

    /// How many connections may be open.
    package var connectionLimit: Int { settings.limits.connections }

    /// How many connections wait for their peers, and how many are being answered.
    package var connectionCounts: (waiting: Int, answering: Int) { gate.counts }

    /// Uses these certificates for new connections; open ones keep theirs. A listener without TLS stays without.
    package func renew(_ tls: NIOSSLContext) {
        self.tls.withLock { if $0 != nil { $0 = tls } }
    }

    /// Listens until ``drain(within:)`` has ended. A graceful shutdown begins to drain without a time limit;
    /// cancellation ends every connection at once.
    package func run() async throws {
        let channel = try await bind()
        let isDraining = state.withLock { state in
            state.channel = channel
            return state.isDraining
        }
        if isDraining { try? await channel.close() } else { onListening(channel.localAddress?.port ?? settings.port) }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                try? await ended.futureResult.get()
            } onGracefulShutdown: {
                Task { await self.drain(within: nil) }
            }
        } onCancel: {
            Task { await self.drain(within: .zero) }
        }
    }

    /// Ends the listener gracefully: accepts no more connections, tells clients with every answer that it is the last
    /// on its connection, closes idle connections half a second later (a request may be on its way), and closes all
    /// others after `grace` (nil: never). Returns when no connection is left. May be called again with a shorter time.
    package func drain(within grace: Duration?) async {
        let channel = state.withLock { state in
            state.isDraining = true
            return state.channel
        }
        gate.drain { [ended] in ended.succeed() }
        try? await channel?.close()
        let end = grace.map {
            group.next().scheduleTask(in: TimeAmount($0)) { [gate, ended] in
                gate.end()
                ended.succeed()
            }
        }
        try? await ended.futureResult.get()
        end?.cancel()
    }
}

// MARK: - Sockets

extension HTTPListener {
    /// How many connections the operations listener accepts: enough for probes, scrapes and operators, whatever happens
    /// at the public listener.
    package static let operationsConnections = 32

    /// An event loop of its own for the operations listener, so that probes and scrapes need not wait for logins.
    package static let operationsGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// How many open files a listener may need.
    package static func descriptors(connections: Int) -> Int { 1 + connections + AcceptHandler.excess }

    /// How many bytes the kernel keeps for one connection in each direction. Our messages gain nothing from larger
    /// buffers, which would only let a client make us hold more.
    private static let socketBufferBytes = 64 * 1024
    /// How long the kernel keeps what a peer does not read, also after the end of the connection. Longer than our own
    /// deadline for that.
    private var untakenMilliseconds: Int {
        Int((TimeAmount(settings.requestTimeout) + ConnectionTimes.linger).nanoseconds / 1_000_000)
    }
    private static let backlog: CInt = 1024
    /// Bytes of one read.
    private static let readBytes = 16 * 1024

    private func bind() async throws -> any Channel {
        let (limit, metrics, logger) = (settings.limits.connections, metrics, logger)
        return try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Accepted sockets inherit these.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: Self.socketBufferBytes)
            .serverChannelOption(.socketOption(.so_sndbuf), value: Self.socketBufferBytes)
            .serverChannelOption(.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), value: .init(untakenMilliseconds))
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptHandler(connections: limit, metrics: metrics, logger: logger))
                }
            }
            .childChannelInitializer { [self] channel in place(for: channel) }
            .bind(host: settings.host, port: settings.port).get()
    }

    /// Nothing is read from a connection before it has a place.
    private func place(for channel: any Channel, attempt: Int = 0) -> EventLoopFuture<Void> {
        let loop = channel.eventLoop
        switch gate.admit(channel, now: loop.now, attempt: attempt) {
        case .place(let place): return loop.makeCompletedFuture { try set(up: channel, place) }
        case .later:
            return loop.flatScheduleTask(in: ConnectionGate.pause) { self.place(for: channel, attempt: attempt + 1) }
                .futureResult
        case .refused(let refusal):
            if refusal == .source { tellOfSource(channel) }
            channel.close(promise: nil)
            return loop.makeSucceededVoidFuture()
        }
    }

    /// Logged only once; the metrics count the others.
    private func tellOfSource(_ channel: any Channel) {
        guard !hasToldOfSource.exchange(true, ordering: .relaxed) else { return }
        logger.warning(
            """
            an address has as many connections as limits.connections_per_source allows, and more are turned away; if it is a \
            load balancer's, name it in listen.trusted_proxies
            """,
            metadata: ["source": .string(IPAddress(channel.remoteAddress).map { "\(RequestSource($0))" } ?? "unknown")])
    }

    private func set(up channel: any Channel, _ place: ConnectionPlace) throws {
        do {
            try Self.setOptions(of: channel)
            let handlers = channel.pipeline.syncOperations
            let tls = tls.withLock(\.self)
            let times = ConnectionTimes(
                request: TimeAmount(settings.requestTimeout), idle: TimeAmount(settings.idleTimeout))
            let queue = queue(on: channel.eventLoop)
            let http2 = HTTP2Handling(
                limits: settings.http2, head: settings.head, times: times, conductor: conductor, queue: queue)
            if let tls { try handlers.addHandler(NIOSSLServerHandler(context: tls)) }
            try handlers.addHandler(
                ConnectionHandler(
                    limits: settings.head, times: times, isSecure: tls != nil, conductor: conductor, place: place,
                    loop: channel.eventLoop, queue: queue, handshakes: handshakes
                ) { try HTTP2Connection.serve($0, $1, http2) })
        } catch {
            place.leave()
            throw error
        }
    }

    /// All connections of an event loop share one.
    private func queue(on loop: any EventLoop) -> LoopQueue? {
        guard let admission else { return nil }
        return queues.withLock { queues in
            let new = { NIOLoopBound(LoopQueue(loop, admission: admission, metrics: self.metrics), eventLoop: loop) }
            return queues[ObjectIdentifier(loop), default: new()].value
        }
    }

    private static func setOptions(of channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.autoRead, value: false)
        try options.setOption(.allowRemoteHalfClosure, value: true)
        try options.setOption(.maxMessagesPerRead, value: 1)
        try options.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 2048, maximum: readBytes))
        // Writable means that the kernel has taken everything.
        try options.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
    }
}
