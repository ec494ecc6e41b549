import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import TokenExchange

/// The outermost layer of a listener: gives a request its id, has it answered, renders problems, and logs once.
struct RequestConductor: Sendable {
    private let routes: any Routes
    private let time: TimeSource
    private let logger: Logger
    private let level: Logger.Level
    private let metrics: RequestMetrics?
    private let date = HTTPDateCache()

    /// - Parameters:
    ///   - level: of the lines about requests in which nothing of ours failed.
    ///   - metrics: nil where requests are not counted.
    init(routes: any Routes, time: TimeSource, logger: Logger, level: Logger.Level, metrics: RequestMetrics?) {
        self.level = level
        self.metrics = metrics
        self.routes = routes
        self.time = time
        self.logger = logger
    }

    func respond(to incoming: Request, with writer: consuming ResponseWriter, on channel: any Channel) async throws {
        let request = IncomingRequest(
            incoming, id: RequestID.choose(incoming: incoming.headers[.requestID]),
            source: RequestSource(channel.remoteAddress), arrivedAt: time.elapsed())
        let (reply, problem) = await answer(request)
        let report = Report(
            reply, problem, route: routes.name(of: request.path), duration: time.elapsed() - request.arrivedAt)
        metrics?.record(report.kind, duration: report.duration)
        log(report, of: request)
        var head = HTTPResponse(status: reply.status, headerFields: reply.headers)
        head.headerFields[.requestID] = request.id
        head.headerFields[.date] = date.value(at: time.now())
        head.headerFields[.contentLength] = String(reply.body.count)
        let hasBody = request.head.method != .head && !reply.body.isEmpty
        try await writer.write(
            response: head,
            body: hasBody ? ResponseBody(byteBuffer: channel.allocator.buffer(bytes: reply.body)) : ResponseBody())
    }

    private func answer(_ request: IncomingRequest) async -> (Reply, Problem?) {
        do throws(Problem) {
            return (try await routes.reply(to: request), nil)
        } catch {
            return (error.reply(requestID: request.id), error)
        }
    }

    /// One line per request. Names in it come from the configuration, reasons from closed sets; nothing from the request does.
    private func log(_ report: Report, of request: IncomingRequest) {
        let level = report.failure == nil ? level : .error
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "request_id": .string(request.id),
            "route": .string(report.kind.route),
            "status": .stringConvertible(report.kind.status),
            "duration_ms": .stringConvertible(((report.duration / .milliseconds(1)) * 1000).rounded() / 1000),
        ]
        metadata["identity_provider"] = report.kind.identityProvider.map { .string(String($0)) }
        metadata["tenant"] = report.tenant.map { .string(String($0)) }
        metadata["verifier"] = report.verifier.map { .string(String($0)) }
        metadata["error_code"] = report.kind.errorCode.map { .string($0) }
        metadata["reason"] = report.kind.reason.map { .string($0) }
        metadata["clock_difference_s"] = report.clockDifference.map {
            .stringConvertible(($0.inSeconds * 1000).rounded() / 1000)
        }
        if let failure = report.failure {
            metadata["degraded"] = report.kind.degradedBy.map { .string($0) }
            metadata["operation"] = .string(failure.operation)
            metadata["cause"] = .string(failure.cause)
        }
        logger.log(level: level, "request", metadata: metadata)
    }
}

/// What log and metrics say of a request.
private struct Report {
    let kind: RequestMetrics.Kind
    let duration: Duration
    let tenant: ExactText?
    let verifier: ExactText?
    let failure: Failure?
    let clockDifference: Duration?

    init(_ reply: Reply, _ problem: Problem?, route: String, duration: Duration) {
        kind = RequestMetrics.Kind(
            route: route, status: reply.status.code, errorCode: problem?.code.rawValue, reason: problem?.reason,
            identityProvider: problem?.identityProvider ?? reply.notes.identityProvider,
            degradedBy: (reply.notes.degradedBy?.kind.rawValue))
        self.duration = duration
        tenant = reply.notes.tenant
        verifier = reply.notes.verifier
        failure = problem?.failure ?? reply.notes.degradedBy
        clockDifference = problem?.clockDifference
    }
}
