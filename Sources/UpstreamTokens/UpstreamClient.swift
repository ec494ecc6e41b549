import NIOSSL
import Outbound
import TokenExchange

/// Makes the calls of one identity provider over connections of its own, so that no provider waits for the slow service of
/// another.
struct UpstreamClient: Sendable {
    private let client: OutboundClient
    private let isIdempotent: Bool
    private let time: TimeSource

    /// - Parameter tls: of ``OutboundClient/context(_:)``.
    init(
        _ transport: UpstreamTransport, _ settings: OutboundTransport, tls: NIOSSLContext, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        client = OutboundClient(settings, tls: tls, bodyBytes: transport.maximumAnswerBytes, sleep: sleep)
        isIdempotent = transport.isIdempotent
        self.time = time
    }

    /// Closes all connections; calls fail from now on.
    func shutDown() { client.shutDown() }

    /// Makes one call, and judges its answer.
    ///
    /// - Parameter limit: from the look-up of the name to the last byte.
    func send(
        _ message: UpstreamMessage, to endpoint: UpstreamEndpoint, maximumBytes: Int, within limit: Duration
    ) async -> AttemptOutcome {
        let start = time.elapsed()
        let request = OutboundRequest(
            message.method, message.url, headers: message.headers, body: message.body, isIdempotent: isIdempotent)
        do throws(OutboundFault) {
            let answer = try await client.answer(to: request, within: limit)
            let now = time.now()
            let rest = answer.header("Retry-After").flatMap {
                RetryAfter.duration($0, date: answer.header("Date"), now: now)
            }
            return UpstreamAnswer(
                status: answer.status, contentType: answer.header("Content-Type"), rest: rest, body: answer.body,
                duration: time.elapsed() - start
            ).outcome(for: endpoint, maximumBytes: maximumBytes, now: now)
        } catch { return AttemptOutcome(error) }
    }
}

extension AttemptOutcome {
    fileprivate init(_ fault: OutboundFault) {
        switch fault.kind {
        case .notSent: self = .notSent(cause: fault.cause)
        case .unanswered: self = .unanswered(cause: fault.cause)
        case .stale: self = .stale(cause: fault.cause)
        case .broken: self = .broken(cause: fault.cause)
        case .refused: self = .refused(cause: fault.cause)
        case .timedOut: self = .timedOut(cause: fault.cause)
        }
    }
}
