import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import TokenExchange

/// Makes one call at a time over the connections of one identity provider: bounded in bytes and in time, no redirects.
///
/// Each provider has an HTTP client, so connections and queues of its own: the wait for a slow service of one provider is
/// nobody else's. HTTP/2 is used where the service offers it.
struct UpstreamClient: Sendable {
    /// A connection that has been idle for so long is closed: services and what stands before them close theirs too.
    private static let idleTime = TimeAmount.seconds(15)

    private let client: HTTPClient
    private let maximumAnswerBytes: Int
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void

    init(
        _ transport: UpstreamTransport, tls: TLSConfiguration, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow, decompression: .disabled)
        configuration.connectionPool = .init(
            idleTimeout: Self.idleTime, concurrentHTTP1ConnectionsPerHostSoftLimit: transport.connections)
        // The library's retries would hide why a connection failed.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = TimeAmount(transport.timeout)
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        maximumAnswerBytes = transport.maximumAnswerBytes
        self.time = time
        self.sleep = sleep
    }

    func shutDown() async {
        try? await client.shutdown()
    }

    /// - Parameter limit: from the look-up of the name to the last byte.
    func end(
        of message: UpstreamMessage, to endpoint: UpstreamEndpoint, maximumBytes: Int, within limit: Duration
    ) async -> AttemptEnd {
        await withTaskGroup(of: AttemptEnd.self) { group in
            group.addTask { await self.end(of: message, to: endpoint, maximumBytes: maximumBytes, until: limit) }
            group.addTask {
                try? await sleep(limit)
                return .timedOut(cause: "no whole answer within \(Int64(limit / .milliseconds(1))) ms")
            }
            defer { group.cancelAll() }
            return await group.next() ?? .broken(cause: "cancelled")
        }
    }

    private func end(
        of message: UpstreamMessage, to endpoint: UpstreamEndpoint, maximumBytes: Int, until limit: Duration
    ) async -> AttemptEnd {
        let start = time.elapsed()
        do {
            let response = try await client.execute(message.request, deadline: .now() + TimeAmount(limit))
            var body: [UInt8] = []
            for try await piece in response.body {
                guard body.count + piece.readableBytes <= maximumAnswerBytes else {
                    return .refused(
                        cause: "status \(response.status.code), a body of more than \(maximumAnswerBytes) bytes")
                }
                body.append(contentsOf: piece.readableBytesView)
            }
            let (headers, now) = (response.headers, time.now())
            let rest = headers.first(name: "Retry-After").flatMap {
                RetryAfter.duration($0, date: headers.first(name: "Date"), now: now)
            }
            return UpstreamAnswer(
                status: Int(response.status.code), contentType: headers.first(name: "Content-Type"), rest: rest,
                body: body, duration: time.elapsed() - start
            ).end(for: endpoint, maximumBytes: maximumBytes, now: now)
        } catch {
            return AttemptEnd(error)
        }
    }
}

extension UpstreamMessage {
    fileprivate var request: HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }
}

// MARK: - What went wrong, in words

extension AttemptEnd {
    /// - Parameter error: of the HTTP client, or what it throws for TLS and sockets. Nothing that the service sent.
    fileprivate init(_ error: any Error) {
        switch error {
        case let error as NIOConnectionError: self = .notSent(cause: Self.words(for: error))
        case let error as IOError where error.errnoCode == ECONNREFUSED: self = .notSent(cause: "connection refused")
        case is IOError, is ChannelError: self = .broken(cause: "connection closed early")
        case HTTPParserError.invalidEOFState: self = .broken(cause: "connection closed early")
        case is HTTPParserError: self = .broken(cause: "no valid HTTP")
        case is NIOSSLExtraError: self = .broken(cause: "certificate not trusted")
        case let error as NIOSSLError: self = .broken(cause: Self.words(for: error))
        case let error as HTTPClientError: self.init(error)
        default: self = .broken(cause: "\(type(of: error))")
        }
    }

    private init(_ error: HTTPClientError) {
        switch error {
        case .connectTimeout, .deadlineExceeded, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout,
            .tlsHandshakeTimeout:
            self = .timedOut(cause: "timed out: \(error.shortDescription)")
        case .remoteConnectionClosed: self = .broken(cause: "connection closed early")
        default: self = .broken(cause: error.shortDescription)
        }
    }

    private static func words(for error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first?.error as? IOError {
            return first.errnoCode == ECONNREFUSED ? "connection refused" : "no connection"
        }
        return error.dnsAError == nil && error.dnsAAAAError == nil ? "no connection" : "host name not found"
    }

    /// The library tells causes in text only.
    private static func words(for error: NIOSSLError) -> String {
        if case .uncleanShutdown = error { return "connection closed early" }
        return "\(error)".contains("CERTIFICATE_VERIFY_FAILED") ? "certificate not trusted" : "TLS handshake failed"
    }
}
