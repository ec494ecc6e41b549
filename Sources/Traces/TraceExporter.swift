package import Logging
package import NIOSSL
package import Outbound
import ServiceLifecycle
import Synchronization
package import TokenExchange

/// Sends spans to a collector, by OTLP over HTTP in JSON, beside everything else that the process does.
package final class TraceExporter: Service {
    /// How, where to, and how much at once.
    package struct Settings: Sendable {
        package let url: String
        /// Read again for each request.
        package let headers: [(name: String, value: UpstreamSecret)]
        package let batchSpans: Int
        /// Between two looks at the queue.
        package let interval: Duration
        /// For one request.
        package let timeout: Duration

        package init(
            url: String, headers: [(name: String, value: UpstreamSecret)] = [], batchSpans: Int, interval: Duration,
            timeout: Duration
        ) {
            self.url = url
            self.headers = headers
            self.batchSpans = batchSpans
            self.interval = interval
            self.timeout = timeout
        }
    }

    /// Spans since the start.
    package struct Counts: Sendable, Equatable {
        package fileprivate(set) var exported = 0
        /// That the collector did not want.
        package fileprivate(set) var refused = 0
        /// That could not be sent.
        package fileprivate(set) var failed = 0
    }

    private struct State {
        var counts = Counts()
        var isFailing = false
    }

    private let settings: Settings
    private let queue: SpanQueue
    private let resource: TraceResource
    private let client: OutboundClient
    private let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let jitter: @Sendable () -> Double
    private let logger: Logger
    private let state = Mutex(State())

    /// Sends nothing before it runs.
    /// - Parameters:
    ///   - tls: of ``OutboundClient/context(_:)``.
    ///   - sleep: between two looks at the queue, and before a batch is sent again.
    ///   - jitter: from 0 to 1.
    package init(
        _ settings: Settings, _ outbound: OutboundTransport, tls: NIOSSLContext, queue: SpanQueue,
        resource: TraceResource, time: TimeSource,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }, logger: Logger
    ) {
        self.settings = settings
        self.queue = queue
        self.resource = resource
        client = OutboundClient(outbound, tls: tls, bodyBytes: Self.answerBytes)
        self.time = time
        self.sleep = sleep
        self.jitter = jitter
        self.logger = logger
    }

    package var counts: Counts { state.withLock(\.counts) }

    /// Until the services end; then what waits is sent, if the collector takes it at once.
    package func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await self.sleep(self.settings.interval)) != nil { await self.exportAll() }
        }
        _ = await withTimeLimit(Self.lastTime, sleep: sleep) {
            await self.exportAll(isLast: true)
        }
        client.shutDown()
    }

    /// Of a collector, which says no more than how many spans it refuses.
    private static let answerBytes = 65_536
    /// Of one batch, before it is given up.
    static let attempts = 5
    /// For what waits when the process ends.
    private static let lastTime = Duration.seconds(2)
    private static let firstPause = Duration.seconds(1)
    /// Also if the collector asks for more: spans do not wait longer.
    static let longestPause = Duration.seconds(60)

    private func exportAll(isLast: Bool = false) async {
        while queue.count > 0, !Task.isCancelled {
            let batch = queue.first(settings.batchSpans)
            guard await export(batch, attempts: isLast ? 1 : Self.attempts) || !isLast else { return }
        }
    }

    /// - Returns: whether the collector has answered.
    private func export(_ batch: [TraceSpan], attempts: Int) async -> Bool {
        let body = await body(of: batch)
        for attempt in 1... {
            switch await answer(to: body) {
            case .taken(let refused):
                finish(batch.count, cause: nil) { counts in
                    counts.refused += min(refused, batch.count)
                    counts.exported += batch.count - min(refused, batch.count)
                }
                return true
            case .refused(let cause):
                finish(batch.count, cause: cause) { $0.refused += batch.count }
                return true
            case .again(let pause, let cause):
                if Task.isCancelled { return false }
                guard attempt < attempts else {
                    finish(batch.count, cause: cause) { $0.failed += batch.count }
                    return false
                }
                note(cause)
                let backoff = Self.firstPause * (1 << (attempt - 1)) * (0.5 + jitter())
                do { try await sleep(min(pause ?? backoff, Self.longestPause)) } catch { return false }
            }
        }
        return false
    }

    /// In pieces: the requests of an event loop do not wait until all of it is written.
    private func body(of batch: [TraceSpan]) async -> [UInt8] {
        var spans: [JSONValue] = []
        for span in batch {
            if spans.count % 16 == 15 { await Task.yield() }
            spans.append(span.json)
        }
        await Task.yield()
        return resource.request(with: spans)
    }

    private func answer(to body: [UInt8]) async -> ExportAnswer {
        var headers = [("Content-Type", "application/json")]
        do {
            for (name, secret) in settings.headers { headers.append((name, try await secret.read(settings.timeout))) }
        } catch { return .again(after: nil, cause: "\(error)") }
        let request = OutboundRequest("POST", settings.url, headers: headers, body: body, isIdempotent: true)
        do throws(OutboundFault) {
            return ExportAnswer(try await client.answer(to: request, within: settings.timeout), now: time.now())
        } catch { return ExportAnswer(error) }
    }

    private func finish(_ count: Int, cause: String?, _ body: (inout Counts) -> Void) {
        queue.removeFirst(count)
        state.withLock { body(&$0.counts) }
        note(cause)
    }

    /// Logs when sending begins to fail, and when it works again.
    /// - Parameter cause: nil if it worked.
    private func note(_ cause: String?) {
        let isNew = state.withLock { state in
            defer { state.isFailing = cause != nil }
            return state.isFailing != (cause != nil)
        }
        guard isNew else { return }
        if let cause {
            logger.warning("traces do not reach their collector", metadata: ["cause": .string(cause)])
        } else {
            logger.notice("traces reach their collector again")
        }
    }
}
