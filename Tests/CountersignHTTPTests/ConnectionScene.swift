import CountersignHTTP
import HTTPTypes
import Logging
import MetricsTestKit
import NIOCore
import NIOEmbedded
import Synchronization
import TestSupport
import TokenExchange

/// A connection without a socket, whose clock stands still until it is told to move, and the routes that answer on it.
final class ConnectionScene {
    let loop: EmbeddedEventLoop
    let log: RecordedLog
    let metrics: TestMetrics
    let routes: SceneRoutes
    let gate: ConnectionGate
    let channel: EmbeddedChannel
    let socket = SceneSocket()

    /// - Parameters:
    ///   - neighbour: whose gate and routes it shares.
    ///   - other: routes to answer instead of ``SceneRoutes``.
    ///   - clock: by which the time is measured that requests wait; nil if it is not.
    init(
        limits: ConnectionGate.Limits = .init(connections: 100), from address: String = "192.0.2.1",
        beside neighbour: ConnectionScene? = nil, answering other: (any Routes)? = nil,
        log: RecordedLog = RecordedLog(),
        metrics: TestMetrics = TestMetrics(), quietRoutes: [String] = [], queueClock clock: ManualClock? = nil
    ) throws {
        loop = neighbour?.loop ?? EmbeddedEventLoop()
        let (log, metrics) = (neighbour?.log ?? log, neighbour?.metrics ?? metrics)
        (self.log, self.metrics) = (log, metrics)
        routes = neighbour?.routes ?? SceneRoutes()
        let counters = ConnectionMetrics(factory: metrics, listener: "public")
        gate = neighbour?.gate ?? ConnectionGate(limits, metrics: counters)
        channel = EmbeddedChannel(handler: socket, loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: address, port: 1)).wait()
        guard case .place(let place) = gate.admit(channel, now: loop.now) else {
            _ = try channel.finish()
            return
        }
        try channel.pipeline.syncOperations.addHandler(
            ConnectionHandler(
                limits: HeadLimits(), times: ConnectionTimes(request: .seconds(10), idle: .seconds(75)),
                isSecure: false,
                conductor: RequestConductor(
                    routes: other ?? routes,
                    sources: RequestSources(trustedProxies: IPNetworkSet([]), metrics: metrics, logger: log.logger),
                    time: ManualClock().time,
                    observers: [
                        RequestMetrics(factory: metrics), RequestLog(RecordedLines(log), quietRoutes: quietRoutes),
                    ]), place: place, loop: loop,
                queue: clock.map { clock in
                    LoopQueue(
                        loop, admission: AdmissionControl(.init(requestsInProgress: 10, queueingTime: .seconds(1))),
                        metrics: counters, elapsed: clock.time.elapsed)
                }))
        channel.pipeline.fireChannelActive()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    /// What is answered to `text`.
    func send(_ text: String) throws -> String {
        try channel.writeInbound(ByteBuffer(string: text))
        return try answers()
    }

    func answers() throws -> String {
        loop.run()
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
        return text
    }

    func order(_ event: any Sendable) throws -> String {
        channel.pipeline.fireUserInboundEventTriggered(event)
        return try answers()
    }

    func pass(_ time: TimeAmount) throws -> String {
        loop.advanceTime(by: time)
        return try answers()
    }

    func count(_ label: String, _ dimensions: [(String, String)]) -> Int64 {
        (try? metrics.expectCounter(label, dimensions))?.totalValue ?? 0
    }

    /// Connections that ended for a reason.
    func closed(_ reason: CloseReason) -> Int64 {
        count("countersign_connections_closed_total", [("listener", "public"), ("reason", reason.rawValue)])
    }

    static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n"
    }

    static func post(_ path: String, length: Int, _ fields: String = "") -> String {
        "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\(fields)\r\n"
    }
}

/// Answers with the path; at `/body` with the body, at `/large` with 100 kB, and at `/wait…` not before ``go(_:)``.
final class SceneRoutes: Routes {
    private let waiting = Mutex<[String: CheckedContinuation<Void, Never>]>([:])
    private let cancelled = Mutex(false)

    var wasCancelled: Bool { cancelled.withLock { $0 } }
    var waitingPaths: [String] { waiting.withLock { $0.keys.sorted() } }

    func name(of path: ExactText) -> LabelValue { "scene" }

    func reply(to request: IncomingRequest) async throws(Problem) -> Reply {
        let path = String(request.path)
        if path == "/body" {
            do { return .json(try await request.collectBody(upTo: 10)) } catch { throw Problem(error) }
        }
        if path == "/large" { return .json([UInt8](repeating: 0x20, count: 100_000)) }
        if path == "/empty" { return .json([], status: .noContent) }
        if path.hasPrefix("/wait") {
            await withCheckedContinuation { continuation in waiting.withLock { $0[path] = continuation } }
            if Task.isCancelled { cancelled.withLock { $0 = true } }
        }
        return .json(Array(path.utf8))
    }

    func go(_ path: String) { waiting.withLock { $0.removeValue(forKey: path) }?.resume() }
}

/// What a connection asks of its socket.
final class SceneSocket: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private(set) var readCount = 0
    private(set) var writeCount = 0
    private(set) var isOutputClosed = false

    func read(context: ChannelHandlerContext) {
        readCount += 1
        context.read()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        writeCount += 1
        context.write(data, promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        isOutputClosed = true
        promise?.succeed()
    }
}
