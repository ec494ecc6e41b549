import NIOCore
import NIOPosix
package import NIOSSL
import TokenExchange

// Outbound: connections to other servers, and calls over HTTP.
//
// Every client uses ClientTLS for TLS and NetworkFault for the words of what went wrong; the Redis client has a protocol of
// its own above them. OutboundClient makes a call over HTTP: over a kept connection or a new one, direct or through a proxy,
// bounded in time and in every part of an answer. Its failures say whose fault they are, and whether the server can have
// acted upon the request.
//
//   * Connector opens connections (ProxyTunnelHandler, TLSHandshakeHandler), ConnectionPool keeps them for a while.
//   * AnswerHandler sends a request and collects its answer, AnswerInProgress judges what comes, AnswerGuard counts bytes
//     before anything is made of them.
//   * No redirects, no cookies, no environment variables.

/// How connections are made and kept.
package struct OutboundTransport: Sendable, Equatable {
    /// Servers that are reached through a proxy.
    package var proxies: [OutboundOrigin: OutboundProxy]
    /// After which an idle connection is closed: sooner than servers usually close theirs.
    package var idleTime: Duration
    /// Of an answer, as ``AnswerLimits/headBytes``.
    package var headBytes: Int

    /// By default everything is reached directly, within the limits that the configuration has by default.
    package init(
        proxies: [OutboundOrigin: OutboundProxy] = [:], idleTime: Duration = .seconds(20), headBytes: Int = 49_152
    ) {
        self.proxies = proxies
        self.idleTime = idleTime
        self.headBytes = headBytes
    }
}

/// A client whose connections are shared with nobody else.
package final class OutboundClient: Sendable {
    private let proxies: [OutboundOrigin: OutboundProxy]
    private let connector: Connector
    private let pool: ConnectionPool
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - tls: made with ``context(_:)``.
    ///   - bodyBytes: of an answer's body at most, decoded.
    package init(
        _ settings: OutboundTransport, tls: NIOSSLContext, bodyBytes: Int, names: HostNames = .system,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        proxies = settings.proxies
        connector = Connector(
            tls: tls, limits: AnswerLimits(headBytes: settings.headBytes, bodyBytes: bodyBytes), names: names)
        pool = ConnectionPool(idleTime: TimeAmount(settings.idleTime))
        self.sleep = sleep
    }

    /// With HTTP/2 if the server offers it. Reads the system's roots unless there are others.
    package static func context(_ configuration: TLSConfiguration) throws -> NIOSSLContext {
        try .client(configuration, offering: ["h2", "http/1.1"])
    }

    /// Closes all connections; calls fail from now on.
    package func shutDown() { pool.close() }

    /// The answer to a request. If a kept connection closes before a byte of an answer, the request is made once more over a
    /// new one, unless it may have been acted upon and must not be twice.
    ///
    /// - Parameter limit: from the look-up of the name to the last byte.
    package func answer(
        to request: OutboundRequest, within limit: Duration
    ) async throws(OutboundFault) -> OutboundAnswer {
        let attempt = ConnectionAttempt()
        let result = await withTimeLimit(limit, sleep: sleep) {
            let result = await self.result(of: request, within: limit, as: attempt)
            // What being cancelled has made of it is not why there is no answer.
            return Task.isCancelled ? nil : result
        }
        return try (result ?? .failure(attempt.fault(after: limit))).get()
    }

    private func result(
        of request: OutboundRequest, within limit: Duration, as attempt: ConnectionAttempt
    ) async -> Result<OutboundAnswer, OutboundFault> {
        do throws(OutboundFault) {
            guard let origin = request.origin else { throw OutboundFault(.notSent, "no URL") }
            if let kept = pool.take(to: origin) {
                do throws(OutboundFault) { return .success(try await answer(to: request, over: kept)) } catch {
                    switch error.kind {
                    case .notSent where !Task.isCancelled: break
                    case .unanswered where request.isIdempotent && !Task.isCancelled: break
                    case .unanswered: throw OutboundFault(.stale, error.cause)
                    case .notSent, .stale, .broken, .refused, .timedOut: throw error
                    }
                }
            }
            let connection = try await connection(to: origin, within: limit, as: attempt)
            try pool.add(connection)
            return .success(try await answer(to: request, over: connection))
        } catch { return .failure(error) }
    }

    private func answer(
        to request: OutboundRequest, over connection: OutboundConnection
    ) async throws(OutboundFault) -> OutboundAnswer {
        do throws(OutboundFault) {
            let outcome = try await connection.outcome(of: request)
            pool.giveBack(connection, isReusable: outcome.isReusable, keptFor: outcome.keptFor)
            return outcome.answer
        } catch {
            // Others may go on over it, but nobody begins: the server may be dead.
            pool.giveBack(connection, isReusable: false, keptFor: nil)
            throw error
        }
    }

    private func connection(
        to origin: OutboundOrigin, within limit: Duration, as attempt: ConnectionAttempt
    ) async throws(OutboundFault) -> OutboundConnection {
        let proxy = proxies[origin]
        attempt.begins(by: proxy)
        // Later than the caller, who has the better words.
        let limit = limit + .seconds(1)
        let route = Connector.Route(
            origin: origin, proxy: proxy, authorization: try await proxy?.authorization(within: limit))
        let opened = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: OutboundConnection.self)
        do {
            return try await withTaskCancellationHandler {
                opened.completeWith(connector.connect(route, within: limit, as: attempt))
                return try await opened.futureResult.get()
            } onCancel: {
                attempt.cancel()
                opened.fail(OutboundFault.shutDown)
            }
        } catch { throw OutboundFault(error, headBytes: connector.limits.headBytes) }
    }
}
