import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
import NIOPosix
package import NIOSSL
import ServiceLifecycle
package import TokenExchange

/// One listening socket with its routes, as a service that drains on shutdown: what is being answered is finished,
/// idle connections are closed.
package struct HTTPListener: Service {
    package struct Settings: Sendable {
        package let host: String
        /// 0: any free port; ``onListening`` learns which.
        package let port: Int
        /// Nil: plain HTTP.
        package let tls: TLSConfiguration?
        /// From a request's head to the end of its body.
        package let requestTimeout: Duration
        /// From one answer to the next request on a connection.
        package let idleTimeout: Duration
        /// Further connections wait to be accepted.
        package let connectionLimit: Int

        package init(
            host: String, port: Int, tls: TLSConfiguration? = nil, requestTimeout: Duration = .seconds(10),
            idleTimeout: Duration = .seconds(60), connectionLimit: Int = 4096
        ) {
            self.host = host
            self.port = port
            self.tls = tls
            self.requestTimeout = requestTimeout
            self.idleTimeout = idleTimeout
            self.connectionLimit = connectionLimit
        }
    }

    private let server: any Service

    /// - Parameters:
    ///   - requestLogLevel: of the lines about requests in which nothing of ours failed.
    ///   - metrics: counts requests; nil: nobody does.
    ///   - onListening: called once with the port.
    /// - Throws: where the TLS library does not take the certificates.
    package init(
        _ settings: Settings, routes: some Routes, time: TimeSource, logger: Logger,
        requestLogLevel: Logger.Level = .info,
        metrics: RequestMetrics? = nil,
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        let conductor = RequestConductor(
            routes: routes, time: time, logger: logger, level: requestLogLevel, metrics: metrics)
        server = try Self.builder(settings).buildServer(
            configuration: ServerConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(settings.connectionLimit)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "hummingbird") { _ in SwiftLogNoOpLogHandler() },
            responder: { request, writer, channel in
                try await conductor.respond(to: request, with: writer, on: channel)
            },
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? settings.port) })
    }

    package func run() async throws {
        try await server.run()
    }

    private static func builder(_ settings: Settings) throws -> HTTPServerBuilder {
        let http = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [
                    RequestTimeoutHandler(
                        requestTimeout: TimeAmount(settings.requestTimeout),
                        idleTimeout: TimeAmount(settings.idleTimeout)), ContinueHandler(),
                ],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024, maxHeaderFieldCount: 100)))
        return try settings.tls.map { try .tls(http, tlsConfiguration: $0) } ?? http
    }
}
