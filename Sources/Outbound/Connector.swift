import NIOCore
import NIOPosix
import NIOSSL

/// Opens connections: a socket, the proxy's tunnel, TLS, and then the handlers of the protocol that was agreed on.
struct Connector: Sendable {
    let tls: NIOSSLContext
    let limits: AnswerLimits
    let names: HostNames

    /// How to reach a server.
    struct Route: Sendable {
        let origin: OutboundOrigin
        /// Nil for the direct way.
        let proxy: OutboundProxy?
        /// The value of `Proxy-Authorization`.
        let authorization: String?
    }

    /// - Parameter limit: of the look-up, and of the socket alone. The caller ends `attempt` before.
    func connect(
        _ route: Route, within limit: Duration, as attempt: ConnectionAttempt
    ) -> EventLoopFuture<OutboundConnection> {
        let (host, port) = (route.proxy?.host ?? route.origin.host, route.proxy?.port ?? route.origin.port)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        return ClientBootstrap(group: eventLoop)
            .resolver(names.resolver(on: eventLoop, within: limit))
            .connectTimeout(TimeAmount(limit))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: host, port: port)
            .flatMapErrorThrowing { throw OutboundFault(notConnected: $0, by: route.proxy) }
            .flatMap { channel in
                attempt.has(channel)
                return tunnel(route, on: channel)
                    .map { attempt.hasTunnel() }
                    .flatMap { handshake(with: route.origin, on: channel) }
                    .flatMap { configure(channel, for: route.origin, isHTTP2: $0) }
                    .flatMapErrorThrowing { error in
                        channel.close(promise: nil)
                        throw OutboundFault(error, headBytes: limits.headBytes)
                    }
            }
    }

    private func tunnel(_ route: Route, on channel: any Channel) -> EventLoopFuture<Void> {
        guard let proxy = route.proxy else { return channel.eventLoop.makeSucceededVoidFuture() }
        let opened = channel.eventLoop.makePromise(of: Void.self)
        do {
            try channel.pipeline.syncOperations.addHandler(
                ProxyTunnelHandler(to: route.origin, authorization: route.authorization, opened: opened))
        } catch { opened.fail(error) }
        return opened.futureResult.flatMapErrorThrowing {
            throw OutboundFault($0, headBytes: limits.headBytes).blaming(proxy)
        }
    }

    /// Whether HTTP/2 was agreed on.
    private func handshake(with origin: OutboundOrigin, on channel: any Channel) -> EventLoopFuture<Bool> {
        guard origin.isTLS else { return channel.eventLoop.makeSucceededFuture(false) }
        let completed = channel.eventLoop.makePromise(of: String?.self)
        do {
            let sync = channel.pipeline.syncOperations
            try sync.addHandler(tls.handler(verifying: origin.host))
            try sync.addHandler(TLSHandshakeHandler(completed))
        } catch { completed.fail(error) }
        return completed.futureResult.map { $0 == "h2" }
    }

    private func configure(
        _ channel: any Channel, for origin: OutboundOrigin, isHTTP2: Bool
    ) -> EventLoopFuture<OutboundConnection> {
        channel.eventLoop.makeCompletedFuture {
            isHTTP2
                ? try OutboundConnection(http2: channel, to: origin, limits)
                : try OutboundConnection(http1: channel, to: origin, limits)
        }
    }
}
