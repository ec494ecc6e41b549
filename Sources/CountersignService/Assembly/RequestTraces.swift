import CountersignHTTP
import Foundation
import Logging
import Outbound
import ServiceConfiguration
import TokenExchange
import Traces

/// Traces requests: decides which when they arrive, and makes their spans once they are answered, of what was noted on the
/// way. A request that is not traced costs the decision.
final class RequestTraces: RequestTracer, RequestObserver {
    let sampler: TraceSampler
    let queue: SpanQueue
    let exporter: TraceExporter
    private let storeSystem: String?
    private let time: TimeSource
    private let random: @Sendable () -> UInt64

    /// - Parameters:
    ///   - storeSystem: what the session store is, if it is another server; nil if it is in this process.
    ///   - random: never zero.
    init(
        _ configured: ConfiguredTraces, storeSystem: String?, time: TimeSource, logger: Logger,
        random: @escaping @Sendable () -> UInt64 = { .random(in: 1 ... .max) }
    ) {
        let settings = configured.settings
        sampler = TraceSampler(
            ratio: settings.sampleRatio, requestsPerSecond: settings.requestsPerSecond, time: time)
        queue = SpanQueue(limit: settings.queueSpans)
        exporter = TraceExporter(
            TraceExporter.Settings(
                url: settings.endpoint, headers: settings.headers.map { ($0.name, $0.value) },
                batchSpans: settings.batchSpans, interval: settings.interval, timeout: settings.timeout),
            configured.outbound, tls: configured.tls, queue: queue,
            resource: TraceResource(
                service: settings.serviceName, instance: UUID().uuidString.lowercased(),
                version: "\(BuildInformation.version)"),
            time: time, logger: logger)
        self.storeSystem = storeSystem
        self.time = time
        self.random = random
    }

    func span(_ context: TraceContext?, method: String) -> RequestSpan? {
        guard let context else {
            let low = random()
            guard sampler.takes(low) else { return nil }
            return span(of: UInt128(random()) << 64 | UInt128(low), below: nil, method)
        }
        guard sampler.takes(sampledByCaller: context.isSampled) else { return nil }
        return span(of: context.traceID, below: context.parentID, method)
    }

    private func span(of traceID: UInt128, below parentID: UInt64?, _ method: String) -> RequestSpan {
        RequestSpan(traceID: traceID, parentID: parentID, id: random(), upstreamID: random(), method: method)
    }

    func observe(_ report: RequestReport) {
        guard let span = report.span else { return }
        // Both clocks once for all its spans, so that they fit each other whatever the wall clock does.
        let origin = Duration.seconds(time.now().seconds) - time.elapsed()
        let request = TraceSpan(
            TraceSpan.Request(report, method: span.method),
            at: TraceSpan.Place(traceID: span.traceID, id: span.id, parentID: span.parentID),
            TraceSpan.Period(report.start, report.end, since: origin))
        let parts = (report.exchange?.read { $0.steps } ?? span.log.steps).parts
        let failed = report.failure?.phase.flatMap { phase in parts.lastIndex { $0.phase == phase } }
        queue.append(
            [request]
                + parts.enumerated().map { index, part in
                    let id = part.phase == .upstream ? span.upstreamID : random()
                    return TraceSpan(
                        part.phase, of: report.kind.identityProvider,
                        at: TraceSpan.Place(traceID: span.traceID, id: id, parentID: span.id),
                        TraceSpan.Period(part.start, part.end, since: origin),
                        failure: index == failed ? report.failure : nil, store: storeSystem)
                })
    }
}

private struct Part {
    let phase: ExchangeReport.Phase
    let start: Duration
    var end: Duration
}

extension [ExchangeReport.Step] {
    /// A service that was asked twice has been told of one span, which covers both calls.
    fileprivate var parts: [Part] {
        var parts: [Part] = []
        for step in self {
            if step.phase == .upstream, let first = parts.firstIndex(where: { $0.phase == .upstream }) {
                parts[first].end = step.end
            } else {
                parts.append(Part(phase: step.phase, start: step.start, end: step.end))
            }
        }
        return parts
    }
}

extension TraceSpan.Request {
    fileprivate init(_ report: RequestReport, method: String) {
        let kind = report.kind
        self.init(
            route: Self.paths[kind.route], method: method, status: kind.status, requestID: report.requestID,
            identityProvider: kind.identityProvider, tenant: report.tenant ?? report.exchange?.read { $0.tenant },
            outcome: report.loginOutcome?.rawValue,
            error: kind.error.map { ($0.rawValue, kind.reason) }, failure: report.failure)
    }

    /// Of the endpoints by their names; `callback` is also reached by a host name alone.
    private static let paths = [
        "callback": "/post_login_callback/{identity_provider}", "token": "/token", "session": "/session",
        "introspect": "/introspect", "revoke": "/revoke", "jwks": "/.well-known/jwks.json",
        "metadata": "/.well-known/oauth-authorization-server", "webview": "/webview/{script}",
    ]
}

extension PrometheusRegistry {
    /// What became of spans, and how many wait.
    func readTraces(_ traces: RequestTraces) {
        read { readings in
            let counts = traces.exporter.counts
            let outcomes: [(LabelValue, Int)] = [
                ("exported", counts.exported), ("refused", counts.refused), ("failed", counts.failed),
                ("dropped", traces.queue.droppedCount),
            ]
            for (outcome, count) in outcomes { readings.add(Self.spans, count, by: [.outcome: outcome]) }
            readings.add(Self.waitingSpans, traces.queue.count)
            readings.add(Self.leftOut, traces.sampler.overBudgetCount, by: [.reason: "budget"])
        }
    }

    private static let spans = Metric.counter(
        "countersign_trace_spans_total",
        "Spans: exported, refused by the collector, failed to reach it, or dropped as too many waited.")
    private static let waitingSpans = Metric.gauge("countersign_trace_spans_waiting", "Spans that wait to be sent.")
    private static let leftOut = Metric.counter(
        "countersign_trace_requests_left_out_total",
        "Requests that were chosen to be traced, but were more than traces.requests_per_second allows.")
}
