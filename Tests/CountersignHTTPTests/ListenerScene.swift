import CountersignHTTP
import MetricsTestKit
import NIOSSL
import Synchronization
import TestSupport
import TokenExchange

/// A listener with real sockets, and ``SceneRoutes`` behind it.
struct ListenerScene {
    /// Runs a listener while `body` asks it.
    static func running(
        requestTimeout: Duration = .seconds(60), idleTimeout: Duration = .seconds(75), tls: NIOSSLContext? = nil,
        limits: ConnectionGate.Limits = .init(connections: 100), http2: HTTP2Limits = HTTP2Limits(),
        metrics: TestMetrics = TestMetrics(), log: RecordedLog = RecordedLog(),
        _ body: (HTTPListener, SceneRoutes, _ port: Int) async throws -> Void
    ) async throws {
        let routes = SceneRoutes()
        let port = Mutex(0)
        let listener = HTTPListener(
            HTTPListener.Settings(
                host: "127.0.0.1", port: 0, tls: tls, limits: limits, http2: http2, requestTimeout: requestTimeout,
                idleTimeout: idleTimeout),
            conductor: RequestConductor(
                routes: routes,
                sources: RequestSources(
                    trustedProxies: IPNetworkSet([]), metrics: TestMetrics(), logger: log.logger),
                time: .machine, observers: [RequestLog(RecordedLines(log))]),
            metrics: ConnectionMetrics(factory: metrics, listener: "public"), logger: log.logger
        ) { number in port.withLock { $0 = number } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listener.run() }
            try await eventually("it listens") { port.withLock { $0 } != 0 }
            try await body(listener, routes, port.withLock { $0 })
            await listener.drain(within: .zero)
            try await group.waitForAll()
        }
    }

    /// Waits until as many connections have ended for this reason.
    static func expectClosed(_ count: Int64, _ reason: CloseReason, _ metrics: TestMetrics) async throws {
        try await eventually("\(count) ended: \(reason)") { closed(reason, metrics) == count }
    }

    /// Connections that ended for a reason.
    static func closed(_ reason: CloseReason, _ metrics: TestMetrics) -> Int64 {
        let dimensions = [("listener", "public"), ("reason", reason.rawValue)]
        return (try? metrics.expectCounter("countersign_connections_closed_total", dimensions))?.totalValue ?? 0
    }
}
