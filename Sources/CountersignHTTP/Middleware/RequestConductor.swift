import HTTPTypes
package import Logging
package import TokenExchange

/// The outermost layer of a listener: gives a request its id, has it answered, renders problems, and logs each request
/// once.
package struct RequestConductor: Sendable {
    private let routes: any Routes
    private let sources: RequestSources
    private let time: TimeSource
    private let logger: Logger
    private let quietRoutes: [String]
    private let observers: [any RequestObserver]
    private let refusals: RefusalLog?
    private let date = HTTPDateCache()

    /// - Parameters:
    ///   - sources: finds out who sends a request.
    ///   - quietRoutes: names of endpoints that are called all the time; logged at level `debug` unless we failed.
    ///   - observers: are told of every request once its answer is made.
    ///   - refusals: nil if every refused request is logged.
    package init(
        routes: any Routes, sources: RequestSources, time: TimeSource, logger: Logger, quietRoutes: [String] = [],
        observers: [any RequestObserver] = [], refusals: RefusalLog? = nil
    ) {
        self.sources = sources
        self.refusals = refusals
        self.quietRoutes = quietRoutes
        self.observers = observers
        self.routes = routes
        self.time = time
        self.logger = logger
    }

    /// The request with this head, which arrives now.
    /// - Parameters:
    ///   - peer: the address at the other end of the connection; nil if it has none.
    ///   - delay: how long it has to wait for its event loop.
    func request(
        _ head: RequestHead, from peer: IPAddress?, delay: QueueingDelay, body: any RequestBody
    ) -> IncomingRequest {
        IncomingRequest(
            head, id: RequestID.choose(incoming: head.headerFields[.requestID]),
            source: sources.source(of: head.headerFields, from: peer), arrivedAt: time.elapsed(),
            delay: delay, body: body)
    }

    /// Never throws: a problem becomes an answer.
    func answer(_ request: IncomingRequest) async -> Reply {
        let routes = routes.current
        var problem: Problem?
        let reply: Reply
        do throws(Problem) {
            reply = try await routes.reply(to: request)
        } catch {
            problem = error
            reply = error.reply(requestID: request.id)
        }
        return report(
            reply, problem, requestID: request.id, source: request.source, route: routes.name(of: request.path),
            since: request.arrivedAt)
    }

    /// The answer to bytes that are not a request.
    func refuse(_ fault: HTTPFault, from peer: IPAddress?) -> Reply {
        let id = RequestID.choose(incoming: nil)
        let problem = Problem(fault)
        return report(
            problem.reply(requestID: id), problem, requestID: id, source: peer.map(RequestSource.init), route: "other",
            since: time.elapsed())
    }

    /// Logs and counts; returns the answer with the headers that every answer has.
    private func report(
        _ reply: Reply, _ problem: Problem?, requestID: String, source: RequestSource?, route: String,
        since start: Duration
    ) -> Reply {
        let report = RequestReport(
            reply, problem, requestID: requestID, source: source, route: route, start: start, end: time.elapsed())
        for observer in observers { observer.observe(report) }
        log(report)
        var reply = reply
        reply.headers[.requestID] = requestID
        reply.headers[.date] = date.value(at: time.now())
        return reply
    }

    /// One line per request. Its names come from the configuration and its reasons from closed sets; nothing comes from
    /// the request.
    private func log(_ report: RequestReport) {
        let level: Logger.Level =
            report.failure != nil ? .error : quietRoutes.contains(report.kind.route) ? .debug : .info
        guard logger.logLevel <= level else { return }
        let isMany = report.isRefusal || report.kind.error == .overloaded
        if isMany, let refusals, !refusals.admits(status: report.kind.status, from: report.source) { return }
        var metadata: Logger.Metadata = [
            "request_id": .string(report.requestID),
            "route": .string(report.kind.route),
            "status": .stringConvertible(report.kind.status),
            "duration_ms": .stringConvertible((report.duration.inSeconds * 1_000_000).rounded() / 1000),
        ]
        if let provider = report.kind.identityProvider { metadata["identity_provider"] = .string(String(provider)) }
        if let tenant = report.tenant { metadata["tenant"] = .string(String(tenant)) }
        if let verifier = report.verifier { metadata["verifier"] = .string(String(verifier)) }
        if let error = report.kind.error { metadata["error_code"] = .string(error.rawValue) }
        if let reason = report.kind.reason { metadata["reason"] = .string(reason) }
        if let difference = report.clockDifference {
            metadata["clock_difference_s"] = .stringConvertible((difference.inSeconds * 1000).rounded() / 1000)
        }
        if let failure = report.failure {
            metadata["degraded"] = report.kind.degradedBy.map { .string($0) }
            metadata["operation"] = .string(failure.operation)
            metadata["cause"] = .string(failure.cause)
        }
        logger.log(level: level, "request", metadata: metadata)
    }
}
