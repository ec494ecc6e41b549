import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import Synchronization
import TokenExchange

/// The outermost layer of a listener: gives a request its id, has it answered, renders problems, and logs once.
struct RequestConductor: Sendable {
    private let routes: any Routes
    private let time: TimeSource
    private let logger: Logger
    private let level: Logger.Level
    private let date = HTTPDateCache()

    /// - Parameter level: of the lines about requests in which nothing of ours failed.
    init(routes: any Routes, time: TimeSource, logger: Logger, level: Logger.Level) {
        self.level = level
        self.routes = routes
        self.time = time
        self.logger = logger
    }

    func respond(to incoming: Request, with writer: consuming ResponseWriter, on channel: any Channel) async throws {
        let request = IncomingRequest(
            incoming, id: RequestID.choose(incoming: incoming.headers[.requestID]),
            source: RequestSource(channel.remoteAddress), arrivedAt: time.elapsed())
        let (reply, problem) = await answer(request)
        log(reply, problem, to: request)
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
    private func log(_ reply: Reply, _ problem: Problem?, to request: IncomingRequest) {
        let failure = problem?.failure ?? reply.notes.degradedBy
        let level = failure == nil ? level : .error
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "request_id": .string(request.id),
            "route": .string(routes.name(of: request.path)),
            "status": .stringConvertible(reply.status.code),
            "duration_ms": .stringConvertible(
                ((time.elapsed() - request.arrivedAt) / .milliseconds(1) * 1000).rounded() / 1000),
        ]
        metadata["identity_provider"] = (problem?.identityProvider ?? reply.notes.identityProvider).map { .string($0) }
        metadata["tenant"] = reply.notes.tenant.map { .string($0) }
        metadata["error_code"] = (problem?.code).map { .string($0.rawValue) }
        metadata["reason"] = problem?.reason.map { .string($0) }
        if let failure {
            metadata["degraded"] = reply.notes.degradedBy.map { .string($0.kind.rawValue) }
            metadata["operation"] = .string(failure.operation)
            metadata["cause"] = .string(failure.cause)
        }
        logger.log(level: level, "request", metadata: metadata)
    }
}
